//! The `mockernetes` command.

fn main() {}
