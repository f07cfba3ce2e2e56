//! Lists, pipelines and the commands that hold others.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;

use super::{DEPTH_MAX, Flow, Job, Shell, Step};
use crate::shell::io::Fd;
use crate::shell::syntax::{Arm, Command, Item, Join, Kind, Pipeline, Script, Test, Word};

impl Shell {
    pub(crate) fn script<'a>(&'a mut self, script: &'a Script) -> BoxFuture<'a, Step> {
        async move {
            let mut status = 0;
            for item in &script.items {
                status = self.item(item).await?;
            }
            Ok(status)
        }
        .boxed()
    }

    async fn item(&mut self, item: &Arc<Item>) -> Step {
        if item.background {
            return Box::pin(self.background(item)).await;
        }
        let status = self.and_or(item).await?;
        Ok(status)
    }

    async fn and_or(&mut self, item: &Item) -> Step {
        let last = item.rest.len();
        self.asking += usize::from(last > 0);
        let first = self.pipeline(&item.first).await;
        self.asking -= usize::from(last > 0);
        let mut status = first?;
        let mut decided = last == 0 && !item.first.negated;
        for (place, (join, pipeline)) in item.rest.iter().enumerate() {
            if (*join == Join::And) != (status == 0) {
                continue;
            }
            let inner = place + 1 < last;
            self.asking += usize::from(inner);
            let next = self.pipeline(pipeline).await;
            self.asking -= usize::from(inner);
            status = next?;
            decided = !inner && !pipeline.negated;
        }
        if status != 0 && decided && self.options.errexit && self.asking == 0 {
            return Err(Flow::Exit(status));
        }
        Ok(status)
    }

    async fn background(&mut self, item: &Arc<Item>) -> Step {
        let mut sub = self.subshell();
        sub.proc.fds.insert(0, Fd::Null);
        sub.asking = 0;
        let Some(running) = self.proc.enter(&item.text) else {
            return self.fail("Cannot fork").await;
        };
        let pid = running.pid;
        let (done, status) = watch::channel(None);
        let item = item.clone();
        let run = async move {
            let result = sub.and_or(&item).await;
            sub.finish(result).await
        };
        self.proc.pool.push(
            async move {
                let code = running.until_killed(run).await;
                done.send_replace(Some(code));
            }
            .boxed(),
        );
        self.last_job = Some(pid);
        let text = item_text(&self.proc.args, pid);
        self.jobs.lock().push(Job { pid, text, status });
        self.status = 0;
        Ok(0)
    }

    async fn pipeline(&mut self, pipeline: &Pipeline) -> Step {
        self.asking += usize::from(pipeline.negated);
        let result = if let [command] = pipeline.commands.as_slice() {
            self.command(command).await
        } else {
            Box::pin(self.piped(&pipeline.commands)).await
        };
        self.asking -= usize::from(pipeline.negated);
        let mut status = result?;
        if pipeline.negated {
            status = i32::from(status == 0);
        }
        self.status = status;
        Ok(status)
    }

    async fn piped(&mut self, commands: &[Arc<Command>]) -> Step {
        let mut input: Option<Fd> = None;
        let mut parts = Vec::new();
        for (place, command) in commands.iter().enumerate() {
            let mut sub = self.subshell();
            if let Some(input) = input.take() {
                sub.proc.fds.insert(0, input);
            }
            if place + 1 < commands.len() {
                let (reader, writer) = Fd::pipe();
                sub.proc.fds.insert(1, writer);
                input = Some(reader);
            }
            let command = command.clone();
            parts.push(
                async move {
                    let result = sub.command(&command).await;
                    sub.finish(result).await
                }
                .boxed(),
            );
        }
        let codes = join_all(parts).await;
        let last = codes.last().copied().unwrap_or(0);
        if self.options.pipefail {
            let failed = codes.iter().rev().find(|code| **code != 0);
            return Ok(failed.copied().unwrap_or(0));
        }
        Ok(last)
    }

    /// Ends a subshell: what it says to whoever waits for it.
    pub(crate) async fn finish(&mut self, result: Step) -> i32 {
        let status = match result {
            Ok(status) | Err(Flow::Return(status) | Flow::Exit(status) | Flow::Fail(status)) => {
                status
            }
            Err(_) => self.status,
        };
        self.status = status;
        let Some(action) = self.traps.remove("EXIT") else {
            return status;
        };
        match self.text(&action, self.line).await {
            Err(Flow::Exit(code) | Flow::Fail(code)) => code,
            _ => status,
        }
    }

    pub(crate) fn command<'a>(&'a mut self, command: &'a Command) -> BoxFuture<'a, Step> {
        async move {
            self.tick().await;
            self.line = command.line;
            if self.depth > DEPTH_MAX {
                return self.fail("nested too deeply").await;
            }
            if let Kind::Simple { assigns, words } = &command.kind {
                return Box::pin(self.simple(assigns, words, &command.redirects)).await;
            }
            let saved = self.proc.fds.clone();
            if !Box::pin(self.redirect(&command.redirects)).await? {
                self.proc.fds = saved;
                self.status = 2;
                return Ok(2);
            }
            let result = Box::pin(self.compound(&command.kind)).await;
            self.proc.fds = saved;
            let status = result?;
            self.status = status;
            Ok(status)
        }
        .boxed()
    }

    async fn compound(&mut self, kind: &Kind) -> Step {
        match kind {
            Kind::Simple { .. } => Ok(0),
            Kind::Group(script) => self.script(script).await,
            Kind::Subshell(script) => {
                let mut sub = self.subshell();
                let result = sub.script(script).await;
                Ok(Box::pin(sub.finish(result)).await)
            }
            Kind::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    if self.ask(condition).await? == 0 {
                        return self.script(body).await;
                    }
                }
                match otherwise {
                    Some(body) => self.script(body).await,
                    None => Ok(0),
                }
            }
            Kind::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.fields(words).await?,
                    None => self.positional.clone(),
                };
                Box::pin(self.for_each(name, values, body)).await
            }
            Kind::ForArithmetic { parts, body } => Box::pin(self.for_arithmetic(parts, body)).await,
            Kind::While {
                until,
                condition,
                body,
            } => Box::pin(self.while_loop(*until, condition, body)).await,
            Kind::Case { subject, arms } => Box::pin(self.case(subject, arms)).await,
            Kind::Function { name, body } => {
                self.functions.insert(name.clone(), body.clone());
                Ok(0)
            }
            Kind::Test(test) => Ok(i32::from(!self.holds(test).await?)),
            Kind::Arithmetic(word) => {
                let text = self.expand_text(word).await?;
                Ok(i32::from(self.arithmetic(&text).await? == 0))
            }
        }
    }

    /// Runs a list whose failure is an answer.
    async fn ask(&mut self, condition: &Script) -> Step {
        self.asking += 1;
        let result = self.script(condition).await;
        self.asking -= 1;
        result
    }

    async fn for_each(&mut self, name: &str, values: Vec<String>, body: &Script) -> Step {
        let mut status = 0;
        for value in values {
            self.tick().await;
            if !self.assign(name, value) {
                return self.fail(&format!("{name}: is read only")).await;
            }
            if !self.turn(body, &mut status).await? {
                break;
            }
        }
        Ok(status)
    }

    /// One turn of a loop; whether there may be another.
    async fn turn(&mut self, body: &Script, status: &mut i32) -> Step<bool> {
        self.loops += 1;
        let result = self.script(body).await;
        self.loops -= 1;
        match result {
            Ok(code) => *status = code,
            Err(Flow::Break(0 | 1)) => {
                *status = 0;
                return Ok(false);
            }
            Err(Flow::Continue(0 | 1)) => *status = 0,
            Err(Flow::Break(levels)) => return Err(Flow::Break(levels - 1)),
            Err(Flow::Continue(levels)) => return Err(Flow::Continue(levels - 1)),
            Err(other) => return Err(other),
        }
        Ok(true)
    }

    async fn while_loop(&mut self, until: bool, condition: &Script, body: &Script) -> Step {
        let mut status = 0;
        loop {
            self.tick().await;
            self.loops += 1;
            let asked = self.ask(condition).await;
            self.loops -= 1;
            let held = match asked {
                Ok(code) => code == 0,
                Err(Flow::Break(0 | 1)) => return Ok(status),
                Err(Flow::Continue(0 | 1)) => continue,
                Err(other) => return Err(other),
            };
            if held == until || !self.turn(body, &mut status).await? {
                return Ok(status);
            }
        }
    }

    async fn for_arithmetic(&mut self, parts: &[Word; 3], body: &Script) -> Step {
        let mut status = 0;
        let first = self.expand_text(&parts[0]).await?;
        if !first.trim().is_empty() {
            self.arithmetic(&first).await?;
        }
        loop {
            self.tick().await;
            let condition = self.expand_text(&parts[1]).await?;
            if !condition.trim().is_empty() && self.arithmetic(&condition).await? == 0 {
                return Ok(status);
            }
            if !self.turn(body, &mut status).await? {
                return Ok(status);
            }
            let step = self.expand_text(&parts[2]).await?;
            if !step.trim().is_empty() {
                self.arithmetic(&step).await?;
            }
        }
    }

    async fn case(&mut self, subject: &Word, arms: &[Arm]) -> Step {
        let subject = self.expand_text(subject).await?;
        let mut fell = false;
        let mut status = 0;
        for arm in arms {
            let mut chosen = fell;
            for pattern in &arm.patterns {
                if chosen {
                    break;
                }
                let pattern = self.expand_pattern(pattern).await?;
                chosen = super::pattern::matches(&pattern, &subject);
            }
            if chosen {
                status = self.script(&arm.body).await?;
                if !arm.falls_through {
                    return Ok(status);
                }
                fell = true;
            }
        }
        Ok(status)
    }

    fn holds<'a>(&'a mut self, test: &'a Test) -> BoxFuture<'a, Step<bool>> {
        async move {
            Ok(match test {
                Test::Or(left, right) => self.holds(left).await? || self.holds(right).await?,
                Test::And(left, right) => self.holds(left).await? && self.holds(right).await?,
                Test::Not(inner) => !self.holds(inner).await?,
                Test::Unary(operator, word) => {
                    let value = self.expand_text(word).await?;
                    if operator == "-v" {
                        self.value(&value).is_some()
                    } else {
                        crate::shell::tools::condition::unary(&self.proc, operator, &value)
                            .unwrap_or(false)
                    }
                }
                Test::Binary(left, operator, right) => {
                    let left = self.expand_text(left).await?;
                    self.compare(&left, operator, right).await?
                }
            })
        }
        .boxed()
    }

    async fn compare(&mut self, left: &str, operator: &str, right: &Word) -> Step<bool> {
        match operator {
            "=" | "==" | "!=" => {
                let pattern = self.expand_pattern(right).await?;
                Ok(super::pattern::matches(&pattern, left) == (operator != "!="))
            }
            "=~" => {
                let pattern = self.expand_text(right).await?;
                let Ok(regex) = crate::shell::tools::regular(&pattern, true, false) else {
                    return Ok(false);
                };
                let found = regex.captures(left.as_bytes());
                if let Some(found) = &found {
                    let whole = found.get(0).map_or(&b""[..], |all| all.as_bytes());
                    let whole = String::from_utf8_lossy(whole).into_owned();
                    self.assign("BASH_REMATCH", whole);
                }
                Ok(found.is_some())
            }
            _ => {
                let right = self.expand_text(right).await?;
                let (left, right) = if operator.starts_with('-')
                    && operator.ends_with(['q', 'e', 't'])
                    && !matches!(operator, "-nt" | "-ot" | "-ef")
                {
                    let left = self.arithmetic(left).await?;
                    (left.to_string(), self.arithmetic(&right).await?.to_string())
                } else {
                    (left.to_owned(), right)
                };
                Ok(
                    crate::shell::tools::condition::binary(&self.proc, &left, operator, &right)
                        .unwrap_or(false),
                )
            }
        }
    }
}

fn item_text(args: &[String], pid: u32) -> String {
    format!("{} {pid}", args.first().map_or("sh", String::as_str))
}
