//! `--wait`: follow what was submitted to its verdict.

use std::io;

use steading_wire::rest::Submitted;

use crate::client::Client;
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::follow::{Ended, tails, watch};
use crate::output::{self, Progress};

/// Follows the requests; the exit code is the verdict.
pub(super) async fn wait(
    client: &Client,
    submitted: &Submitted,
    json: bool,
) -> Result<Exit, Error> {
    let ids: Vec<i64> = submitted.requests.values().copied().collect();
    let mut progress = Progress::new(json);
    let interrupt = async {
        // Without a handler there is no interrupt to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    match watch(client, &ids, &mut progress, interrupt).await? {
        Ended::Complete(model) => {
            if !json {
                output::summary(&model, &tails(client, &model).await?, clock::now())?;
            }
            Ok(model.exit())
        }
        Ended::Interrupted(model) => {
            let going: Vec<String> =
                model.requests.values().filter(|r| !r.is_complete()).map(|r| r.label()).collect();
            say(&format!("no longer following; the farm goes on with {}", going.join(", ")))?;
            Ok(Exit::Interrupted)
        }
    }
}

/// A remark beside the output.
fn say(text: &str) -> io::Result<()> {
    use std::io::Write as _;
    writeln!(io::stderr(), "{text}")
}
