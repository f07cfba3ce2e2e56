//! Simple commands: assignments, functions, builtins and programs.

use std::collections::BTreeMap;

use super::builtins;
use super::{Flow, Shell, Step, Variable};
use crate::shell::exec;
use crate::shell::syntax::{Assign, Command, Reader, Redirect, Trouble, Word};

impl Shell {
    pub(super) async fn simple(
        &mut self,
        assigns: &[Assign],
        words: &[Word],
        redirects: &[Redirect],
    ) -> Step {
        self.substituted = None;
        let args = Box::pin(self.fields(words)).await?;
        let saved = self.proc.fds.clone();
        if !Box::pin(self.redirect(redirects)).await? {
            self.proc.fds = saved;
            self.status = 2;
            let special = args.first().is_some_and(|name| builtins::is_special(name));
            return if special { Err(Flow::Fail(2)) } else { Ok(2) };
        }
        if args.is_empty() {
            let result = Box::pin(self.assignments(assigns)).await;
            self.proc.fds = saved;
            result?;
            let status = self.substituted.unwrap_or(0);
            self.status = status;
            return Ok(status);
        }
        let result = Box::pin(self.call(assigns, args)).await;
        match result {
            // `exec` without a program keeps what it redirects.
            Ok((status, true)) => {
                self.status = status;
                Ok(status)
            }
            Ok((status, false)) => {
                self.proc.fds = saved;
                self.status = status;
                Ok(status)
            }
            Err(flow) => {
                self.proc.fds = saved;
                Err(flow)
            }
        }
    }

    async fn assignments(&mut self, assigns: &[Assign]) -> Step<()> {
        for assign in assigns {
            let value = self.assigned(assign).await?;
            if self.options.xtrace {
                let text = format!("+ {}={value}\n", assign.name);
                self.error(text.as_bytes()).await;
            }
            if !self.assign(&assign.name, value) {
                return self.fail(&format!("{}: is read only", assign.name)).await;
            }
        }
        Ok(())
    }

    async fn assigned(&mut self, assign: &Assign) -> Step<String> {
        let mut value = self.expand_assigned(&assign.value).await?;
        if assign.append {
            value = format!("{}{value}", self.value(&assign.name).unwrap_or_default());
        }
        Ok(value)
    }

    /// Runs a command; its status, and whether its redirections stay.
    async fn call(&mut self, assigns: &[Assign], mut args: Vec<String>) -> Step<(i32, bool)> {
        if let Some(alias) = self.aliases.get(&args[0]) {
            let words: Vec<String> = alias.split_whitespace().map(str::to_owned).collect();
            args.splice(0..1, words);
            if args.is_empty() {
                return Ok((0, false));
            }
        }
        let mut own = BTreeMap::new();
        for assign in assigns {
            let value = self.assigned(assign).await?;
            own.insert(assign.name.clone(), value);
        }
        if self.options.xtrace {
            let prefix: String = own.iter().map(|(k, v)| format!("{k}={v} ")).collect();
            let text = format!("+ {prefix}{}\n", args.join(" "));
            self.error(text.as_bytes()).await;
        }
        if args[0] == "exec" {
            for (name, value) in &own {
                self.assign(name, value.clone());
            }
            if args.len() == 1 {
                return Ok((0, true));
            }
            args.remove(0);
            let status = Box::pin(self.program(args, BTreeMap::new())).await?;
            return Err(Flow::Exit(status));
        }
        if let Some(body) = self.functions.get(&args[0]).cloned() {
            let kept = self.lend(own);
            let result = Box::pin(self.function(&args, &body)).await;
            self.give_back(kept);
            return result.map(|status| (status, false));
        }
        if builtins::is_builtin(&args[0]) {
            let special = builtins::is_special(&args[0]);
            let kept = self.lend(own);
            let result = Box::pin(self.builtin(&args)).await;
            if !special {
                self.give_back(kept);
            }
            return result.map(|status| (status, false));
        }
        Box::pin(self.program(args, own))
            .await
            .map(|status| (status, false))
    }

    /// Sets variables for as long as a command runs; what they were.
    fn lend(&mut self, own: BTreeMap<String, String>) -> Vec<(String, Option<Variable>)> {
        let mut kept = Vec::new();
        for (name, value) in own {
            kept.push((name.clone(), self.variables.get(&name).cloned()));
            self.assign(&name, value);
            if let Some(variable) = self.variables.get_mut(&name) {
                variable.exported = true;
            }
        }
        kept
    }

    pub(crate) fn give_back(&mut self, kept: Vec<(String, Option<Variable>)>) {
        for (name, variable) in kept.into_iter().rev() {
            match variable {
                Some(variable) => self.variables.insert(name, variable),
                None => self.variables.remove(&name),
            };
        }
    }

    async fn function(&mut self, args: &[String], body: &Command) -> Step {
        let outer = std::mem::replace(&mut self.positional, args[1..].to_vec());
        let loops = std::mem::replace(&mut self.loops, 0);
        self.locals.push(Vec::new());
        self.depth += 1;
        let result = self.command(body).await;
        self.depth -= 1;
        if let Some(kept) = self.locals.pop() {
            self.give_back(kept);
        }
        self.positional = outer;
        self.loops = loops;
        match result {
            Err(Flow::Return(status)) => Ok(status),
            other => other,
        }
    }

    /// Starts a program and waits for it.
    pub(crate) async fn program(
        &mut self,
        args: Vec<String>,
        own: BTreeMap<String, String>,
    ) -> Step {
        let name = args[0].clone();
        let mut proc = self.proc.child(args);
        proc.env = self.environment();
        proc.env.extend(own);
        proc.depth = self.depth + 3;
        match exec::execute(proc).await {
            Ok(status) => Ok(status),
            Err(why) => {
                self.complain(&format!("{name}: {}", why.words())).await;
                Ok(why.status())
            }
        }
    }

    /// Runs a text as if it stood here.
    pub(crate) async fn text(&mut self, text: &str, line: usize) -> Step {
        let mut reader = Reader::new(text, line);
        let mut status = 0;
        loop {
            match reader.line() {
                Ok(None) => return Ok(status),
                Ok(Some(script)) if self.options.noexec => drop(script),
                Ok(Some(script)) => status = self.script(&script).await?,
                Err(trouble) => return self.syntax(trouble, reader_line(text, line)).await,
            }
        }
    }

    pub(crate) async fn syntax<T>(&mut self, trouble: Trouble, last: usize) -> Step<T> {
        let (line, words) = match trouble {
            Trouble::Incomplete(words) => (last, words.to_owned()),
            Trouble::Unexpected(line, words) => (line, words),
        };
        self.line = line;
        let words = if words == "Bad substitution" || words.starts_with("Unterminated") {
            format!("Syntax error: {words}").replace("Syntax error: Bad", "Bad")
        } else {
            format!("Syntax error: {words}")
        };
        self.fail(&words).await
    }
}

fn reader_line(text: &str, line: usize) -> usize {
    line + text.trim_end_matches('\n').matches('\n').count()
}
