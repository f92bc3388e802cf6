//! What people see on a terminal. Programs get `--json`.

mod cells;
mod glyph;
mod lines;
mod progress;
mod summary;
mod table;
mod times;

pub(crate) use cells::{columns, text};
pub(crate) use glyph::{look, state_of};
pub(crate) use lines::{blank, json_line, line, raw};
pub(crate) use progress::Progress;
pub(crate) use summary::{Tail, summary};
pub(crate) use table::{Colours, Grid, Slot, pairs};
pub(crate) use times::{ago, time, took};
