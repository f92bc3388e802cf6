//! Steading itself: real master, real worker processes with their shepherds, nothing tuned.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Duration;

use crate::compare::row::STEADING;
use crate::compare::system::{SUBMITTERS, System, Work, now_ns, until};
use crate::farm::{Farm, Http, Size, cpu_s, resident_mb};

/// A farm of `steading up`.
#[derive(Debug)]
pub(crate) struct SteadingFarm {
    pub(crate) farm: Farm,
    pub(crate) http: Http,
}

impl SteadingFarm {
    /// Starts it and waits for its workers.
    pub(crate) fn start(steading: &Path, work: &Work) -> io::Result<SteadingFarm> {
        let size = Size { workers: work.workers, builders: work.builders };
        let farm = Farm::declared(steading, "up", size, &declaration(work))?;
        let mut http = farm.connect()?;
        until("every worker is ready", Duration::from_millis(50), || {
            let ready = http.get("/farm")?["workers_ready"].as_u64();
            Ok((ready == u64::try_from(work.workers).ok()).then_some(()))
        })?;
        Ok(SteadingFarm { farm, http })
    }

    /// The same with a new connection, so that none stands idle while others have their turn or
    /// submit.
    fn fresh(&mut self) -> io::Result<&mut SteadingFarm> {
        self.http = self.farm.connect()?;
        Ok(self)
    }

    /// The newest request's id.
    pub(crate) fn newest(&mut self) -> io::Result<i64> {
        let newest = self.http.get("/requests?order=-id&limit=1&fields=id")?;
        Ok(newest["items"][0]["id"].as_i64().unwrap_or(0))
    }
}

/// The farm's text.
fn declaration(work: &Work) -> String {
    let words: Vec<String> = work.command.iter().map(|word| format!("{word:?}")).collect();
    let words = words.join(", ");
    format!(
        "[worker(\"w%d\" % n) for n in range({})]\n\
         todo = [shell([{words}], name = \"s%d\" % n) for n in range({})]\n\
         [builder(\"b%d\" % n, steps = todo) for n in range({})]\n",
        work.workers, work.steps, work.builders
    )
}

impl System for SteadingFarm {
    fn name(&self) -> &'static str {
        STEADING
    }

    fn through(&mut self, builds: usize) -> io::Result<f64> {
        let before = self.fresh()?.newest()?;
        let began = now_ns();
        let (next, builders) = (AtomicUsize::new(0), self.farm.size.builders);
        let farm = &self.farm;
        let one = || -> io::Result<()> {
            let mut http = farm.connect()?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= builds {
                    return Ok(());
                }
                http.post(&format!("/builders/b{}/force", number % builders), "{}")?;
            }
        };
        scope(|scope| {
            let threads: Vec<_> = (0..SUBMITTERS).map(|_| scope.spawn(one)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
        })?;
        self.fresh()?.quiet()?;
        let ended = self
            .http
            .list(&format!("/requests?order=id&id__gt={before}&fields=outcome,complete_at"))?;
        if ended.len() != builds || ended.iter().any(|request| request["outcome"] != "success") {
            return Err(io::Error::other("not every build went well"));
        }
        let times = ended.iter().filter_map(|request| {
            let time: jiff::Timestamp = request["complete_at"].as_str()?.parse().ok()?;
            i64::try_from(time.as_nanosecond()).ok()
        });
        Ok((times.max().unwrap_or(began) - began) as f64 / 1e9)
    }

    fn submit(&mut self) -> io::Result<()> {
        self.fresh()?.http.post("/builders/b0/force", "{}")
    }

    fn quiet(&mut self) -> io::Result<()> {
        let http = &mut self.http;
        until("nothing runs", Duration::from_millis(10), || {
            let farm = http.get("/farm")?;
            let left = ["pending", "claimed", "running"].map(|count| farm[count].as_u64());
            Ok((left == [Some(0); 3]).then_some(()))
        })
    }

    fn memory_mb(&self) -> f64 {
        resident_mb(self.farm.master()) as f64
    }

    fn master_s(&self) -> f64 {
        cpu_s(self.farm.master())
    }

    fn audit(&mut self) -> io::Result<()> {
        self.farm.audit()?.map(drop).map_err(io::Error::other)
    }
}
