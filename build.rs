//! Generates the tables of each supported Kubernetes version into `OUT_DIR`.

fn main() {}
