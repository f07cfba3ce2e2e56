//! The command line: what the flags say, as a cluster.
//!
//! *Invariant:* uses the cluster's public face only. Files, environment and exit codes live here.

mod access;
mod audit;
mod audit_log;
mod authentication;
mod authorization;
mod envtest;
mod files;
mod front_proxy;
mod parent;
mod personality;
mod plugins;
mod serve;
mod steer;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A Kubernetes API to test against, in one small binary.
#[derive(Debug, Parser)]
#[command(name = "mockernetes", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a cluster until Ctrl-C; prints its address and the path of a kubeconfig
    Serve(Box<serve::Flags>),
    /// Wait until the controllers of a running cluster have nothing left to do; prints what waits
    /// for time, and until when
    Settle(steer::Settle),
    /// Move the clock of a cluster that runs with --clock virtual, through all that falls due
    Advance(steer::Advance),
    /// Print the time of a running cluster, and what waits for it
    Clock(steer::Clock),
    /// Lay out a folder for KUBEBUILDER_ASSETS: kube-apiserver, etcd and kubectl; prints its path
    Envtest(envtest::Flags),
}

/// Why a command failed, and with which exit code.
#[derive(Debug)]
struct Fault {
    code: u8,
    message: String,
}

impl Fault {
    /// The command was used wrongly.
    fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
        }
    }

    /// It was used rightly and failed.
    fn failed(message: impl Into<String>) -> Self {
        Self {
            code: 1,
            message: message.into(),
        }
    }
}

/// Runs the command that the process was started with.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads its arguments"
)]
pub fn run() -> ExitCode {
    let given: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if let Some(result) = personality::run(&given) {
        return end(result);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to stdout.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    end(match arguments.command {
        Command::Serve(flags) => serve::run(&flags, serve::Manner::PLAIN),
        Command::Settle(flags) => steer::settle(&flags),
        Command::Advance(flags) => steer::advance(&flags),
        Command::Clock(flags) => steer::clock(&flags),
        Command::Envtest(flags) => envtest::run(&flags),
    })
}

fn end(result: Result<(), Fault>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "error: {}", fault.message);
            ExitCode::from(fault.code)
        }
    }
}
