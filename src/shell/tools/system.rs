//! Tools that tell of the system: who, when, what runs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::shell::exec::{Outcome, Proc};

const SIGNALS: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("WINCH", 28),
];

/// The number of a signal, by name or number.
pub(super) fn signal(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse() {
        return (0..=64).contains(&number).then_some(number);
    }
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

pub(super) async fn kill(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec().into_iter().peekable();
    let mut number = 15;
    if let Some(arg) = args.next_if(|arg| arg.starts_with('-') && arg != "--") {
        if arg == "-l" {
            if let Some(code) = args.next().and_then(|text| text.parse::<i32>().ok()) {
                let code = if code > 128 { code - 128 } else { code };
                let name = SIGNALS.iter().find(|(_, number)| *number == code);
                proc.print(format!("{}\n", name.map_or("", |(name, _)| name)))
                    .await?;
                return Ok(0);
            }
            for (name, _) in SIGNALS {
                proc.print(format!("{name}\n")).await?;
            }
            return Ok(0);
        }
        let text = match arg.as_str() {
            "-s" | "-n" => args.next().unwrap_or_default(),
            arg => arg[1..].to_owned(),
        };
        match signal(&text) {
            Some(known) => number = known,
            None => return proc.fail(1, &format!("invalid signal: {text}")).await,
        }
    }
    let mut status = 0;
    for target in args.filter(|arg| arg != "--") {
        let Ok(pid) = target.trim_start_matches('-').parse::<u32>() else {
            proc.warn(&format!("Illegal number: {target}")).await;
            status = 1;
            continue;
        };
        if proc.machine.processes.signal(pid, number) {
            // Whoever is meant may be the one that asks.
            tokio::task::yield_now().await;
        } else {
            proc.warn(&format!("({pid}) - No such process")).await;
            status = 1;
        }
    }
    Ok(status)
}

pub(super) async fn ps(proc: &mut Proc) -> Outcome {
    let machine = proc.machine.clone();
    let full = proc
        .args
        .iter()
        .any(|arg| arg.contains('f') || arg.contains('u'));
    let heading = if full {
        "USER         PID    PPID TIME  COMMAND\n"
    } else {
        "PID   USER     TIME  COMMAND\n"
    };
    proc.print(heading).await?;
    let now = machine.clock.now();
    for (pid, entry) in machine.processes.list() {
        let seconds = now.duration_since(entry.started).as_secs();
        let time = format!("{}:{:02}", seconds / 60, seconds % 60);
        let user = proc.user_name(entry.uid);
        let line = if full {
            format!(
                "{user:<8} {pid:>7} {:>7} {time:<5} {}\n",
                entry.parent, entry.command
            )
        } else {
            format!("{pid:>5} {user:<8} {time:>5} {}\n", entry.command)
        };
        proc.print(line).await?;
    }
    Ok(0)
}

pub(super) async fn id(proc: &mut Proc) -> Outcome {
    let options = proc
        .options("unGgr", &[("user", 'u'), ("group", 'g'), ("name", 'n')])
        .await?;
    let who = proc.machine.who.clone();
    let mut groups = vec![who.gid];
    groups.extend(who.groups.iter().filter(|gid| **gid != who.gid));
    let only_groups = proc.args[0].ends_with("groups");
    let text = if only_groups || options.has('G') {
        let named = only_groups || options.has('n');
        let shown: Vec<String> = groups
            .iter()
            .map(|gid| {
                if named {
                    proc.group_name(*gid)
                } else {
                    gid.to_string()
                }
            })
            .collect();
        shown.join(" ")
    } else if options.has('u') || options.has('g') {
        match (options.has('u'), options.has('n')) {
            (true, true) => proc.user_name(who.uid),
            (true, false) => who.uid.to_string(),
            (false, true) => proc.group_name(who.gid),
            (false, false) => who.gid.to_string(),
        }
    } else {
        let named = |number: u32, name: String| {
            if name == number.to_string() {
                name
            } else {
                format!("{number}({name})")
            }
        };
        let shown: Vec<String> = groups
            .iter()
            .map(|gid| named(*gid, proc.group_name(*gid)))
            .collect();
        format!(
            "uid={} gid={} groups={}",
            named(who.uid, proc.user_name(who.uid)),
            named(who.gid, proc.group_name(who.gid)),
            shown.join(",")
        )
    };
    proc.print(text + "\n").await?;
    Ok(0)
}

pub(super) async fn whoami(proc: &mut Proc) -> Outcome {
    let uid = proc.machine.who.uid;
    match proc.machine.user(uid) {
        Some(user) => {
            proc.print(user.name + "\n").await?;
            Ok(0)
        }
        None => {
            proc.fail(1, &format!("cannot find name for user ID {uid}"))
                .await
        }
    }
}

pub(super) async fn hostname(proc: &mut Proc) -> Outcome {
    let name = proc.machine.hostname.clone();
    proc.print(name + "\n").await?;
    Ok(0)
}

pub(super) async fn nproc(proc: &mut Proc) -> Outcome {
    proc.print("1\n").await?;
    Ok(0)
}

pub(super) async fn uptime(proc: &mut Proc) -> Outcome {
    let now = proc.machine.clock.now().strftime("%H:%M:%S").to_string();
    proc.print(format!(" {now} up,  load average: 0.00, 0.00, 0.00\n"))
        .await?;
    Ok(0)
}

pub(super) async fn uname(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "asnrvmpio",
            &[("all", 'a'), ("machine", 'm'), ("kernel-release", 'r')],
        )
        .await?;
    let all = options.has('a');
    let host = proc.machine.hostname.clone();
    let parts = [
        ('s', "Linux"),
        ('n', host.as_str()),
        ('r', "6.1.0"),
        ('v', "#1 SMP"),
        ('m', "x86_64"),
        ('o', "GNU/Linux"),
    ];
    let mut shown: Vec<&str> = parts
        .iter()
        .filter(|(letter, _)| all || options.has(*letter))
        .map(|(_, text)| *text)
        .collect();
    if shown.is_empty() {
        shown.push("Linux");
    }
    proc.print(shown.join(" ") + "\n").await?;
    Ok(0)
}

pub(super) async fn clear(proc: &mut Proc) -> Outcome {
    proc.print("\u{1b}[H\u{1b}[2J\u{1b}[3J").await?;
    Ok(0)
}

pub(super) async fn tty(proc: &mut Proc) -> Outcome {
    let terminal = proc.fds.get(&0).is_some_and(|fd| fd.terminal().is_some());
    proc.print(if terminal {
        "/dev/pts/0\n"
    } else {
        "not a tty\n"
    })
    .await?;
    Ok(i32::from(!terminal))
}

pub(super) async fn stty(proc: &mut Proc) -> Outcome {
    let Some(terminal) = proc.fds.get(&0).and_then(|fd| fd.terminal()).cloned() else {
        return proc
            .fail(1, "'standard input': Inappropriate ioctl for device")
            .await;
    };
    let size = terminal.size();
    for arg in proc.args[1..].to_vec() {
        match arg.as_str() {
            "size" => {
                proc.print(format!("{} {}\n", size.height, size.width))
                    .await?;
            }
            "-echo" => terminal.set_echo(false),
            "echo" => terminal.set_echo(true),
            "raw" | "-icanon" => terminal.set_raw(true).await,
            "cooked" | "sane" | "icanon" => {
                terminal.set_raw(false).await;
                terminal.set_echo(true);
            }
            "-a" => {
                let text = format!(
                    "speed 38400 baud; rows {}; columns {};\n",
                    size.height, size.width
                );
                proc.print(text).await?;
            }
            _ => {}
        }
    }
    if proc.args.len() == 1 {
        proc.print("speed 38400 baud;\n").await?;
    }
    Ok(0)
}

/// What reaches for the network, which is not here.
pub(super) async fn curl(proc: &mut Proc) -> Outcome {
    let name = proc.args[0]
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let target = proc.args[1..]
        .iter()
        .rev()
        .find(|arg| !arg.starts_with('-'))
        .cloned()
        .unwrap_or_default();
    let host = target.split("://").last().unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let (status, words) = match name.as_str() {
        "curl" => {
            let text = format!("curl: (6) Could not resolve host: {host}\n");
            if let Some(fd) = proc.fds.get(&2) {
                let _ = fd.write(text.as_bytes()).await;
            }
            return Ok(6);
        }
        "wget" => (4, format!("unable to resolve host address '{host}'")),
        "ping" => (2, format!("{host}: Temporary failure in name resolution")),
        _ => (1, format!("can't resolve '{host}'")),
    };
    proc.fail(status, &words).await
}

/// A date as people write it: a date, `@seconds`, `now`, `1 hour ago`.
pub(super) fn read_date(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds: f64 = seconds.parse().ok()?;
        return Timestamp::from_microsecond((seconds * 1e6) as i64).ok();
    }
    match text {
        "now" | "today" | "" => return Some(now),
        "yesterday" => return now.checked_sub(jiff::SignedDuration::from_hours(24)).ok(),
        "tomorrow" => return now.checked_add(jiff::SignedDuration::from_hours(24)).ok(),
        _ => {}
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [amount, unit, rest @ ..] = words.as_slice()
        && let Ok(amount) = amount.parse::<i64>()
        && matches!(rest, [] | ["ago"])
    {
        let seconds = match unit.trim_end_matches('s') {
            "sec" | "second" => 1,
            "min" | "minute" => 60,
            "hour" => 3600,
            "day" => 86_400,
            "week" => 604_800,
            _ => return None,
        };
        let sign = if rest.is_empty() { 1 } else { -1 };
        let length = jiff::SignedDuration::from_secs(sign * amount.checked_mul(seconds)?);
        return now.checked_add(length).ok();
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok().or_else(|| {
        let text = text.trim_end_matches(" UTC").trim_end_matches('Z');
        text.parse().ok()
    })?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

pub(super) async fn date(proc: &mut Proc) -> Outcome {
    let options = proc
        .options(
            "ud:r:s:I:R",
            &[
                ("utc", 'u'),
                ("universal", 'u'),
                ("date", 'd'),
                ("reference", 'r'),
                ("rfc-email", 'R'),
                ("iso-8601", 'I'),
            ],
        )
        .await;
    // `-I` stands alone where nothing follows it.
    let options = match options {
        Ok(options) => options,
        Err(stop) => return Err(stop),
    };
    let now = proc.machine.clock.now();
    let mut time = now;
    if let Some(text) = options.value('d') {
        match read_date(text, now) {
            Some(read) => time = read,
            None => return proc.fail(1, &format!("invalid date '{text}'")).await,
        }
    }
    if let Some(path) = options.value('r') {
        match proc.stat(path, true) {
            Ok(stat) => time = stat.modified,
            Err(errno) => return proc.fail(1, &format!("{path}: {errno}")).await,
        }
    }
    let zone = proc.env.get("TZ").filter(|_| !options.has('u'));
    let zone = zone
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or(TimeZone::UTC);
    let zoned = time.to_zoned(zone);
    let format = options.rest.first().and_then(|arg| arg.strip_prefix('+'));
    let iso = match options.value('I') {
        Some("s" | "seconds") => Some("%Y-%m-%dT%H:%M:%S%:z"),
        Some("m" | "minutes") => Some("%Y-%m-%dT%H:%M%:z"),
        Some("h" | "hours") => Some("%Y-%m-%dT%H%:z"),
        Some(_) => Some("%Y-%m-%d"),
        None => None,
    };
    let format = format
        .or(iso)
        .or(options.has('R').then_some("%a, %d %b %Y %H:%M:%S %z"))
        .unwrap_or("%a %b %e %H:%M:%S %Z %Y");
    let nanos = format!("{:09}", zoned.subsec_nanosecond());
    let format = format
        .replace("%3N", &nanos[..3])
        .replace("%6N", &nanos[..6])
        .replace("%N", &nanos);
    match jiff::fmt::strtime::format(&format, &zoned) {
        Ok(text) => proc.print(text + "\n").await?,
        Err(_) => return proc.fail(1, &format!("invalid format '{format}'")).await,
    }
    Ok(0)
}
