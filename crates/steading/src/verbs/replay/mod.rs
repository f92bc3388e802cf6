//! `steading replay`: recorded history under another policy.

mod json;
mod read;
mod run;
#[cfg(test)]
mod tests;
mod text;
mod world;

pub(crate) use run::replay;
