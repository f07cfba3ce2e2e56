//! What every container has in its root before anything is mounted.

use super::errno::Errno;
use super::tree::Device;
use super::{FileSystem, Limits, Who};
use crate::sim::Clock;

/// How the file of a tool begins; its name follows, up to a newline.
pub const TOOL_MAGIC: &[u8] = b"\x7fELF\x02\x01\x01\0mockernetes:";

const FOLDERS: &[(&str, u32)] = &[
    ("/dev/pts", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc/self", 0o555),
    ("/proc/1", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/usr/lib", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/usr/share", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

const LINKS: &[(&str, &str)] = &[
    ("usr/bin", "/bin"),
    ("usr/lib", "/lib"),
    ("usr/sbin", "/sbin"),
    ("/run", "/var/run"),
    ("/proc/self/fd", "/dev/fd"),
];

const FILES: &[(&str, &str)] = &[
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         bin:x:2:2:bin:/bin:/usr/sbin/nologin\n\
         www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    (
        "/etc/group",
        "root:x:0:\ndaemon:x:1:\nbin:x:2:\nwww-data:x:33:\nnogroup:x:65534:\n",
    ),
    (
        "/etc/os-release",
        "NAME=\"mockernetes\"\nID=mockernetes\nPRETTY_NAME=\"mockernetes scripted container\"\n",
    ),
    ("/etc/shells", "/bin/sh\n/bin/bash\n/bin/ash\n"),
    ("/etc/resolv.conf", "nameserver 10.96.0.10\n"),
    (
        "/etc/hosts",
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    ),
    ("/etc/hostname", "localhost\n"),
    ("/proc/cpuinfo", "processor\t: 0\n"),
    (
        "/proc/meminfo",
        "MemTotal:        1048576 kB\nMemFree:         1048576 kB\n",
    ),
    ("/proc/version", "Linux version 6.1.0\n"),
    ("/proc/mounts", "overlay / overlay rw,relatime 0 0\n"),
];

impl FileSystem {
    /// The root of a container: the usual folders and files, and the tools as programs.
    pub fn image(clock: Clock, limits: Limits, tools: &[&str]) -> Result<Self, Errno> {
        let system = Who::default();
        let fs = Self::empty(clock, limits);
        for (path, mode) in FOLDERS {
            fs.make_all(path, 0o755, &system)?;
            fs.set_mode(path, *mode, &system)?;
        }
        for (target, path) in LINKS {
            fs.symlink(target, path, &system)?;
        }
        for (path, content) in FILES {
            fs.write(path, content.as_bytes(), 0o644, &system)?;
        }
        for (path, device) in [
            ("/dev/null", Device::Null),
            ("/dev/zero", Device::Zero),
            ("/dev/full", Device::Full),
            ("/dev/random", Device::Random),
            ("/dev/urandom", Device::Random),
            ("/dev/tty", Device::Terminal),
        ] {
            fs.device(path, device)?;
        }
        for tool in tools {
            let program = [TOOL_MAGIC, tool.as_bytes(), b"\n"].concat();
            fs.write(&format!("/usr/bin/{tool}"), &program, 0o755, &system)?;
        }
        Ok(fs)
    }
}
