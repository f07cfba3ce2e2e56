//! The first door: what HTTP clients see beside the objects.

mod connections;
mod custom_routes;
mod documents;
mod door;
mod flows;
mod limits;
mod media;
mod path;
mod rights;
mod tls;
mod watch;
