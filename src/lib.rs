//! A Kubernetes API emulator to embed.
