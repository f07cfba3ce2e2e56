//! Admission plugins by name, as the flags switch them.

use super::Fault;
use crate::admission::plugins::{Row, TABLE};

/// Checks the names of plugins to switch on and off.
pub(super) fn check(enable: &[String], disable: &[String]) -> Result<(), Fault> {
    let flags = [
        ("--enable-admission-plugins", enable),
        ("--disable-admission-plugins", disable),
    ];
    for (flag, names) in flags {
        for name in names {
            if !TABLE.iter().any(|row| row.name == name) {
                let known: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
                return Err(Fault::usage(format!(
                    "{flag}: unknown admission plugin {name:?}; known are {}",
                    known.join(", ")
                )));
            }
        }
    }
    if let Some(name) = enable.iter().find(|name| disable.contains(name)) {
        return Err(Fault::usage(format!(
            "--enable-admission-plugins and --disable-admission-plugins both name {name}; leave \
             it in one of them"
        )));
    }
    for name in enable {
        let mut rows = TABLE.iter().filter(|row| row.name == name);
        if !rows.all(Row::exists) {
            return Err(Fault::usage(format!(
                "--enable-admission-plugins: {name} is not supported yet"
            )));
        }
    }
    Ok(())
}
