//! `find`.

use super::files::{below, last_part, letters};
use crate::shell::eval::pattern;
use crate::shell::exec::{self, Outcome, Proc};
use crate::shell::fs::{Kind, Stat};

enum Test {
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
    Name(String, bool),
    Path(String, bool),
    Regex(regex::bytes::Regex),
    Kind(String),
    Size(char, u64, u64),
    Empty,
    Newer(jiff::Timestamp),
    Age(char, i64, i64),
    Mode(char, u32),
    User(u32),
    Group(u32),
    True(bool),
    Print(&'static str),
    Printf(String),
    Delete,
    Prune,
    Quit,
    Exec(Vec<String>, bool, bool),
}

struct Search {
    depth: usize,
    status: i32,
    pruned: bool,
    quit: bool,
    batches: Vec<(Vec<String>, Vec<String>)>,
}

struct Reader<'a> {
    proc: &'a Proc,
    args: Vec<String>,
    at: usize,
    least: usize,
    most: usize,
    acts: bool,
    below_first: bool,
    follow: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<String> {
        let arg = self.args.get(self.at).cloned();
        self.at += 1;
        arg
    }

    fn sees(&self, words: &[&str]) -> bool {
        self.args
            .get(self.at)
            .is_some_and(|arg| words.contains(&arg.as_str()))
    }

    fn or(&mut self) -> Result<Test, String> {
        let mut tests = vec![self.and()?];
        while self.sees(&["-o", "-or"]) {
            self.at += 1;
            tests.push(self.and()?);
        }
        Ok(Test::Or(tests))
    }

    fn and(&mut self) -> Result<Test, String> {
        let mut tests = Vec::new();
        while self.at < self.args.len() && !self.sees(&["-o", "-or", ")", ","]) {
            if self.sees(&["-a", "-and"]) {
                self.at += 1;
                continue;
            }
            tests.push(self.one()?);
        }
        Ok(Test::And(tests))
    }

    fn value(&mut self, of: &str) -> Result<String, String> {
        self.next().ok_or(format!("missing argument to `{of}'"))
    }

    fn counted(&mut self, of: &str) -> Result<(char, String), String> {
        let text = self.value(of)?;
        Ok(match text.chars().next() {
            Some(sign @ ('+' | '-')) => (sign, text[1..].to_owned()),
            _ => ('=', text),
        })
    }

    fn one(&mut self) -> Result<Test, String> {
        let word = self.next().unwrap_or_default();
        Ok(match word.as_str() {
            "!" | "-not" => Test::Not(Box::new(self.one()?)),
            "(" => {
                let inner = self.or()?;
                if self.next().as_deref() != Some(")") {
                    return Err("invalid expression; expected to find a ')'".to_owned());
                }
                inner
            }
            "-name" | "-iname" => Test::Name(self.value(&word)?, word == "-iname"),
            "-path" | "-wholename" | "-ipath" => Test::Path(self.value(&word)?, word == "-ipath"),
            "-regex" | "-iregex" => {
                let text = format!("^(?:{})$", self.value(&word)?);
                let regex = super::regular(&text, true, word == "-iregex");
                Test::Regex(regex.map_err(|_| "invalid regular expression".to_owned())?)
            }
            "-type" => Test::Kind(self.value(&word)?),
            "-size" => {
                let (sign, text) = self.counted(&word)?;
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit = match &text[digits.len()..] {
                    "c" => 1,
                    "w" => 2,
                    "k" => 1 << 10,
                    "M" => 1 << 20,
                    "G" => 1 << 30,
                    _ => 512,
                };
                let count = digits
                    .parse()
                    .map_err(|_| format!("invalid -size {text}"))?;
                Test::Size(sign, count, unit)
            }
            "-empty" => Test::Empty,
            "-newer" => {
                let path = self.value(&word)?;
                let stat = self.proc.stat(&path, true);
                Test::Newer(stat.map_err(|errno| format!("'{path}': {errno}"))?.modified)
            }
            "-mtime" | "-mmin" | "-ctime" | "-cmin" | "-atime" | "-amin" => {
                let (sign, text) = self.counted(&word)?;
                let unit = if word.ends_with("min") { 60 } else { 86_400 };
                let count = text
                    .parse()
                    .map_err(|_| format!("invalid argument `{text}'"))?;
                Test::Age(sign, count, unit)
            }
            "-perm" => {
                let text = self.value(&word)?;
                let (how, text) = match text.chars().next() {
                    Some(how @ ('-' | '/')) => (how, text[1..].to_owned()),
                    _ => ('=', text),
                };
                let bits = super::files::change::applied(&text, 0, false, 0);
                Test::Mode(how, bits.ok_or(format!("invalid mode '{text}'"))?)
            }
            "-user" => {
                let name = self.value(&word)?;
                let known = self.proc.machine.user_named(&name).map(|user| user.uid);
                let uid = known.or(name.parse().ok());
                Test::User(uid.ok_or(format!("'{name}' is not the name of a known user"))?)
            }
            "-group" => Test::Group(self.value(&word)?.parse().unwrap_or(0)),
            "-true" | "-depth" | "-mount" | "-xdev" | "-noleaf" | "-follow" | "-daystart" => {
                self.below_first |= word == "-depth";
                self.follow |= word == "-follow";
                Test::True(true)
            }
            "-false" => Test::True(false),
            "-maxdepth" | "-mindepth" => {
                let text = self.value(&word)?;
                let depth = text.parse().map_err(|_| {
                    format!(
                        "Expected a positive decimal integer argument to {word}, but got '{text}'"
                    )
                })?;
                if word == "-maxdepth" {
                    self.most = depth;
                } else {
                    self.least = depth;
                }
                Test::True(true)
            }
            "-prune" => Test::Prune,
            _ => return self.action(&word),
        })
    }

    fn action(&mut self, word: &str) -> Result<Test, String> {
        self.acts = true;
        Ok(match word {
            "-print" => Test::Print("\n"),
            "-print0" => Test::Print("\0"),
            "-printf" => Test::Printf(self.value(word)?),
            "-ls" => Test::Printf("%i %M %n %u %g %s %p\\n".to_owned()),
            "-quit" => Test::Quit,
            "-delete" => {
                self.below_first = true;
                Test::Delete
            }
            "-exec" | "-execdir" | "-ok" => {
                let mut args = Vec::new();
                loop {
                    match self.next().as_deref() {
                        Some(";") => return Ok(Test::Exec(args, false, word == "-execdir")),
                        Some("+") if args.last().is_some_and(|last| last == "{}") => {
                            args.pop();
                            return Ok(Test::Exec(args, true, false));
                        }
                        Some(arg) => args.push(arg.to_owned()),
                        None => return Err("missing argument to `-exec'".to_owned()),
                    }
                }
            }
            _ => return Err(format!("unknown predicate `{word}'")),
        })
    }
}

pub(super) async fn find(proc: &mut Proc) -> Outcome {
    let mut args = proc.args[1..].to_vec();
    let mut follow = false;
    while args
        .first()
        .is_some_and(|arg| matches!(arg.as_str(), "-L" | "-H" | "-P"))
    {
        follow = args.remove(0) == "-L";
    }
    let begins = |arg: &String| arg.starts_with('-') || matches!(arg.as_str(), "!" | "(");
    let split = args.iter().position(begins).unwrap_or(args.len());
    let mut paths = args[..split].to_vec();
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    let own = proc.clone();
    let mut reader = Reader {
        proc: &own,
        args: args[split..].to_vec(),
        at: 0,
        least: 0,
        most: usize::MAX,
        acts: false,
        below_first: false,
        follow,
    };
    let test = match reader.or() {
        Ok(test) => test,
        Err(words) => return proc.fail(1, &words).await,
    };
    let test = if reader.acts {
        test
    } else {
        Test::And(vec![test, Test::Print("\n")])
    };
    let limits = (reader.least, reader.most, reader.below_first, reader.follow);
    let mut search = Search {
        depth: 0,
        status: 0,
        pruned: false,
        quit: false,
        batches: Vec::new(),
    };
    for path in paths {
        walk(proc, &mut search, &test, path, limits).await?;
    }
    for (command, paths) in std::mem::take(&mut search.batches) {
        let mut args = command;
        args.extend(paths);
        if run(proc, args, None).await? != 0 {
            search.status = 1;
        }
    }
    Ok(search.status)
}

async fn walk(
    proc: &mut Proc,
    search: &mut Search,
    test: &Test,
    path: String,
    (least, most, below_first, follow): (usize, usize, bool, bool),
) -> Outcome<()> {
    let start = path.clone();
    let mut open = vec![(path, 0usize, false)];
    while let Some((path, depth, visited)) = open.pop() {
        if search.quit {
            return Ok(());
        }
        let stat = match proc.stat(&path, follow || (depth == 0 && path.ends_with('/'))) {
            Ok(stat) => stat,
            Err(errno) => {
                proc.warn(&format!("'{path}': {errno}")).await;
                search.status = 1;
                continue;
            }
        };
        let folder = stat.kind == Kind::Directory && depth < most && depth < 200;
        search.pruned = false;
        search.depth = depth;
        if depth >= least && (!below_first || visited || !folder) {
            Box::pin(holds(proc, search, test, (&path, &stat), &start)).await?;
        }
        if folder && !visited && !search.pruned {
            tokio::task::yield_now().await;
            if below_first {
                open.push((path.clone(), depth, true));
            }
            match proc.list(&path) {
                Ok(names) => {
                    for name in names.into_iter().rev() {
                        open.push((below(&path, &name), depth + 1, false));
                    }
                }
                Err(errno) => {
                    proc.warn(&format!("'{path}': {errno}")).await;
                    search.status = 1;
                }
            }
        }
    }
    Ok(())
}

fn compared(sign: char, left: u64, right: u64) -> bool {
    match sign {
        '+' => left > right,
        '-' => left < right,
        _ => left == right,
    }
}

fn fits(pattern: &str, text: &str, folded: bool) -> bool {
    if folded {
        pattern::matches(&pattern.to_lowercase(), &text.to_lowercase())
    } else {
        pattern::matches(pattern, text)
    }
}

async fn holds(
    proc: &mut Proc,
    search: &mut Search,
    test: &Test,
    (path, stat): (&str, &Stat),
    start: &str,
) -> Outcome<bool> {
    Ok(match test {
        Test::Not(inner) => !Box::pin(holds(proc, search, inner, (path, stat), start)).await?,
        Test::And(tests) => {
            for test in tests {
                if !Box::pin(holds(proc, search, test, (path, stat), start)).await? {
                    return Ok(false);
                }
            }
            true
        }
        Test::Or(tests) => {
            for test in tests {
                if Box::pin(holds(proc, search, test, (path, stat), start)).await? {
                    return Ok(true);
                }
            }
            false
        }
        Test::Print(end) => {
            proc.print(format!("{path}{end}")).await?;
            true
        }
        Test::Printf(format) => {
            let text = printed(proc, format, path, stat, (start, search.depth));
            proc.print(text).await?;
            true
        }
        Test::Delete => {
            let machine = proc.machine.clone();
            let folder = stat.kind == Kind::Directory;
            match machine.fs.remove(&proc.path(path), folder, &machine.who) {
                Ok(()) => true,
                Err(_) if matches!(path, "." | "/") => true,
                Err(errno) => {
                    proc.warn(&format!("cannot delete '{path}': {errno}")).await;
                    search.status = 1;
                    false
                }
            }
        }
        Test::Prune => {
            search.pruned = true;
            true
        }
        Test::Quit => {
            search.quit = true;
            true
        }
        Test::Exec(command, true, _) => {
            match search
                .batches
                .iter_mut()
                .find(|(known, _)| known == command)
            {
                Some((_, paths)) => paths.push(path.to_owned()),
                None => search
                    .batches
                    .push((command.clone(), vec![path.to_owned()])),
            }
            true
        }
        Test::Exec(command, false, in_folder) => {
            let (shown, folder) = if *in_folder {
                let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
                (format!("./{}", last_part(path)), Some(proc.path(folder)))
            } else {
                (path.to_owned(), None)
            };
            let args = command
                .iter()
                .map(|arg| arg.replace("{}", &shown))
                .collect();
            run(proc, args, folder).await? == 0
        }
        test => simple(proc, test, path, stat),
    })
}

fn simple(proc: &Proc, test: &Test, path: &str, stat: &Stat) -> bool {
    match test {
        Test::Name(pattern, folded) => fits(pattern, last_part(path), *folded),
        Test::Path(pattern, folded) => fits(pattern, path, *folded),
        Test::Regex(regex) => regex.is_match(path.as_bytes()),
        Test::Kind(kinds) => kinds.split(',').any(|kind| {
            kind == match stat.kind {
                Kind::File => "f",
                Kind::Directory => "d",
                Kind::Link => "l",
                Kind::Device => "c",
            }
        }),
        Test::Size(sign, count, unit) => compared(*sign, stat.size.div_ceil(*unit), *count),
        Test::Empty => match stat.kind {
            Kind::File => stat.size == 0,
            Kind::Directory => proc.list(path).is_ok_and(|names| names.is_empty()),
            _ => false,
        },
        Test::Newer(time) => stat.modified > *time,
        Test::Age(sign, count, unit) => {
            let age = proc
                .machine
                .clock
                .now()
                .duration_since(stat.modified)
                .as_secs()
                / unit;
            compared(*sign, age.max(0) as u64, (*count).max(0) as u64)
        }
        Test::Mode('-', bits) => stat.mode & bits == *bits,
        Test::Mode('/', bits) => *bits == 0 || stat.mode & bits != 0,
        Test::Mode(_, bits) => stat.mode == *bits,
        Test::User(uid) => stat.uid == *uid,
        Test::Group(gid) => stat.gid == *gid,
        Test::True(held) => *held,
        _ => true,
    }
}

async fn run(proc: &mut Proc, args: Vec<String>, folder: Option<String>) -> Outcome {
    proc.flush().await?;
    let name = args.first().cloned().unwrap_or_default();
    let mut child = proc.child(args);
    child.cwd = folder.unwrap_or(child.cwd);
    match exec::execute(child).await {
        Ok(status) => Ok(status),
        Err(_) => {
            proc.warn(&format!("'{name}': No such file or directory"))
                .await;
            Ok(1)
        }
    }
}

fn printed(
    proc: &Proc,
    format: &str,
    path: &str,
    stat: &Stat,
    (start, depth): (&str, usize),
) -> Vec<u8> {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let text = match chars.next() {
            Some('p') => path.to_owned(),
            Some('f') => last_part(path).to_owned(),
            Some('h') => path
                .rsplit_once('/')
                .map_or(".", |(folder, _)| folder)
                .to_owned(),
            Some('P') => path[start.len()..].trim_start_matches('/').to_owned(),
            Some('s') => stat.size.to_string(),
            Some('m') => format!("{:o}", stat.mode),
            Some('M') => letters(stat),
            Some('d') => depth.to_string(),
            Some('i') => stat.ino.to_string(),
            Some('n') => stat.links.to_string(),
            Some('u') => proc.user_name(stat.uid),
            Some('g') => proc.group_name(stat.gid),
            Some('y') => match stat.kind {
                Kind::File => "f",
                Kind::Directory => "d",
                Kind::Link => "l",
                Kind::Device => "c",
            }
            .to_owned(),
            Some('T') => match chars.next() {
                Some('@') => return_seconds(stat),
                Some(letter) => stat.modified.strftime(&format!("%{letter}")).to_string(),
                None => String::new(),
            },
            Some('%') => "%".to_owned(),
            Some(c) => format!("%{c}"),
            None => "%".to_owned(),
        };
        out.push_str(&text);
    }
    super::escapes(&out).0
}

fn return_seconds(stat: &Stat) -> String {
    let (seconds, nanos) = (stat.modified.as_second(), stat.modified.subsec_nanosecond());
    format!("{seconds}.{nanos:09}0")
}
