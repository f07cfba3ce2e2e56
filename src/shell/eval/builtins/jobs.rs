//! What runs in the background.

use super::super::{Job, Shell, Step};

impl Shell {
    pub(super) async fn list_jobs(&mut self) -> Step {
        let jobs: Vec<Job> = self.jobs.lock().clone();
        let mut text = String::new();
        for (place, job) in jobs.iter().enumerate() {
            let state = match *job.status.borrow() {
                None => "Running".to_owned(),
                Some(0) => "Done".to_owned(),
                Some(code) => format!("Done({code})"),
            };
            text.push_str(&format!("[{}] {state:<12} {}\n", place + 1, job.text));
        }
        self.say(&text).await
    }

    pub(super) async fn wait(&mut self, args: &[String]) -> Step {
        let jobs: Vec<Job> = self.jobs.lock().clone();
        if args.is_empty() {
            for job in jobs {
                ended(job).await;
            }
            self.jobs.lock().clear();
            return Ok(0);
        }
        let mut status = 0;
        for arg in args {
            let job = match arg.strip_prefix('%') {
                Some(place) => {
                    let place = place.parse::<usize>().unwrap_or(jobs.len());
                    jobs.get(place.saturating_sub(1)).cloned()
                }
                None => jobs.iter().find(|job| job.pid.to_string() == *arg).cloned(),
            };
            status = match job {
                Some(job) => ended(job).await,
                None => 127,
            };
        }
        Ok(status)
    }
}

async fn ended(mut job: Job) -> i32 {
    match job.status.wait_for(Option::is_some).await {
        Ok(code) => code.unwrap_or(0),
        Err(_) => 143,
    }
}
