//! The words of the farm: ids, time, states, outcomes, nouns and events.

mod event;
mod ids;
mod nouns;
mod outcome;
mod property;
mod rows;
mod size;
mod state;
mod time;

pub use event::{Cell, CellRef, Delta, Event, EventKind};
pub use ids::*;
pub use nouns::{Field, Kind, NOUNS, Noun, noun};
pub use outcome::{Cause, Outcome, Reason};
pub use property::{Properties, Property, Value};
pub use rows::*;
pub use size::{ParseSizeError, parse_size};
pub use state::*;
pub use time::{Duration, Micros, ParseDurationError};
