//! Live progress: bars where a person watches, plain lines elsewhere, nothing beside JSON.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use steading_core::words::Micros;

use super::lines::{is_terminal, line};
use crate::follow::{Model, News, Request};

/// Bars drawn at once; what is beyond them is counted.
const BARS_MAX: usize = 16;

/// Where news go.
pub(crate) enum Progress {
    /// A terminal.
    Bars(Bars),
    /// A file or a pipe.
    Lines,
    /// Nowhere.
    Silent,
}

/// A bar for each running build, and one for those that wait.
pub(crate) struct Bars {
    multi: MultiProgress,
    running: BTreeMap<i64, ProgressBar>,
    waiting: ProgressBar,
}

impl Progress {
    /// What suits the terminal.
    pub(crate) fn new(json: bool) -> Progress {
        if json {
            return Progress::Silent;
        }
        if !is_terminal() || !io::stderr().is_terminal() {
            return Progress::Lines;
        }
        let multi = MultiProgress::new();
        let waiting = multi.add(ProgressBar::new_spinner());
        waiting.set_style(style());
        Progress::Bars(Bars { multi, running: BTreeMap::new(), waiting })
    }

    /// Something happened.
    pub(crate) fn news(&mut self, model: &Model, news: &News) {
        match self {
            // Nobody reads any more: following goes on for the exit code's sake.
            Progress::Lines => drop(line(&news.text)),
            Progress::Bars(bars) => bars.news(model, news),
            Progress::Silent => {}
        }
    }

    /// Something worth knowing, though nothing happened.
    pub(crate) fn remark(&self, text: &str) {
        match self {
            Progress::Lines => drop(line(text)),
            Progress::Bars(bars) => drop(bars.multi.println(text)),
            Progress::Silent => {}
        }
    }

    /// Time went by.
    pub(crate) fn redraw(&mut self, model: &Model, now: Micros) {
        if let Progress::Bars(bars) = self {
            bars.redraw(model, now);
        }
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self) {
        if let Progress::Bars(bars) = self {
            let _ = bars.multi.clear();
        }
    }
}

impl Bars {
    fn news(&mut self, model: &Model, news: &News) {
        let complete = model.requests.get(&news.request).is_some_and(is_over);
        if complete {
            let _ = self.multi.println(&news.text);
        }
    }

    fn redraw(&mut self, model: &Model, now: Micros) {
        let mut waiting = 0;
        for (id, request) in &model.requests {
            let runs = request.build.is_some() && !is_over(request) && !request.is_complete();
            if !runs {
                if let Some(bar) = self.running.remove(id) {
                    bar.finish_and_clear();
                }
                waiting += i32::from(!request.is_complete() && !is_over(request));
            } else if self.running.len() < BARS_MAX || self.running.contains_key(id) {
                let bar = self.running.entry(*id).or_insert_with(|| {
                    let bar = ProgressBar::new_spinner();
                    bar.set_style(style());
                    self.multi.insert_before(&self.waiting, bar)
                });
                bar.set_message(message(request, now));
                bar.tick();
            } else {
                waiting += 1;
            }
        }
        let text = if waiting == 0 { String::new() } else { format!("{waiting} more to come") };
        self.waiting.set_message(text);
        self.waiting.tick();
    }
}

fn is_over(request: &Request) -> bool {
    request.build.as_ref().is_some_and(|build| super::text(build, "state") == "finished")
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner:.cyan} {wide_msg}").expect("the template is valid")
}

/// `hello/17  test (2 of 5 steps)  12.3 s, usually 14.0 s`
fn message(request: &Request, now: Micros) -> String {
    let Some(build) = &request.build else { return request.label() };
    let step = match super::text(build, "step") {
        step if step.is_empty() => super::text(build, "state"),
        step => step,
    };
    let usual = request.usual.map(|usual| format!(", usually {usual}")).unwrap_or_default();
    let count = super::text(build, "step_count");
    format!("{}  {step} (of {count} steps)  {}{usual}", request.label(), request.took(now))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use steading_core::words::Duration;
    use steading_wire::render::parse_time;

    use super::*;

    #[test]
    fn a_bar_says_step_elapsed_and_usual() {
        let build = json!({
            "builder": "hello", "number": 17, "step": "test", "step_count": 5, "state": "running",
            "started_at": "2026-01-01T00:00:00Z", "finished_at": null,
        });
        let request = Request {
            build: build.as_object().cloned(),
            usual: Some(Duration::millis(14_000)),
            ..Request::default()
        };
        let now = parse_time("2026-01-01T00:00:12.3Z").expect("a time");
        assert_eq!(message(&request, now), "hello/17  test (of 5 steps)  12.3 s, usually 14.0 s");
    }
}
