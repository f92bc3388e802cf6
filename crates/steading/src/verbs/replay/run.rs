//! Both policies over the same world, side by side.

use std::io::Write as _;
use std::path::Path;

use steading_core::farm::Policy;
use steading_core::replay::{self, Difference, Report, World, compare};
use steading_store::{Options, Reader};

use super::read::{Known, read};
use super::{json, text, world};
use crate::cli::ReplayArgs;
use crate::client::farm_dir;
use crate::clock;
use crate::error::Error;
use crate::exit::Exit;
use crate::output;
use crate::serve::{self, Place};

/// A replay under the farm's own policy and under the one tried.
pub(super) struct Tried {
    pub(super) world: World,
    /// How many builds' durations are learned, since they were not built.
    pub(super) learned: usize,
    pub(super) present: Report,
    pub(super) other: Report,
    pub(super) difference: Difference,
}

/// Replays and shows; reads history beside a running farm, and writes nothing.
pub(crate) async fn replay(args: ReplayArgs) -> Result<Exit, Error> {
    let policy = match steading_config::load_policy(&args.policy) {
        Ok(policy) => policy,
        Err(errors) => return refuse(&errors, &args.policy),
    };
    let tried = try_out(&args, policy.as_ref()).await?;
    if args.json {
        output::line(json::json(&tried).to_string())?;
    } else {
        output::line(text::text(&tried, output::Colours::of_stdout()))?;
    }
    Ok(Exit::Green)
}

pub(super) async fn try_out(args: &ReplayArgs, other: &dyn Policy) -> Result<Tried, Error> {
    let farm = match &args.data {
        // History holds the farm's texts: there need not be a farm.star.
        Some(_) => args.path.clone().unwrap_or_default(),
        None => farm_dir(args.path.as_deref())?,
    };
    let place = Place::of(farm, args.data.as_deref())?;
    let reader = Reader::open(&Options::new(&place.data, clock::now));
    let known = read(&reader.map_err(serve::Error::from)?, &place.farm, args.since).await?;
    let known = known.filter(|known| !known.past.requests.is_empty());
    let Known { past, paces, farm, policy, older } = known.ok_or_else(|| nothing(&place, args))?;
    let (world, learned) = world::world((past, paces), &farm, &older);
    let present = replay::replay(&world, policy.as_ref());
    let other = replay::replay(&world, other);
    let difference = compare(&present, &other);
    Ok(Tried { world, learned, present, other, difference })
}

/// What is wrong with the file goes where compilers print it.
fn refuse(errors: &steading_config::Errors, file: &Path) -> Result<Exit, Error> {
    let s = if errors.0.len() == 1 { "" } else { "s" };
    writeln!(std::io::stderr(), "{errors}\n\n{} error{s} in {}", errors.0.len(), file.display())?;
    Ok(Exit::Usage)
}

fn nothing(place: &Place, args: &ReplayArgs) -> Error {
    let (data, since) = (place.data.display(), args.since);
    Error::Usage(format!(
        "nothing was asked for in the {since} before the newest event of {data}: there is nothing \
         to replay; a longer --since looks further back"
    ))
}
