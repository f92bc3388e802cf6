//! What a comparison was asked for.

use std::path::PathBuf;

/// The words of the command.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Two minutes: few rounds of a part of the rows.
    pub(crate) quick: bool,
    /// Prepares the peers and measures nothing.
    pub(crate) prepare: bool,
    /// Only these parts; all if empty.
    pub(crate) only: Vec<String>,
    /// Only these peers, where given.
    pub(crate) peers: Option<Vec<String>>,
    /// Rounds of each row.
    pub(crate) rounds: Option<usize>,
    /// Where the table goes, besides standard output.
    pub(crate) markdown: Option<PathBuf>,
    /// Where every figure goes.
    pub(crate) json: Option<PathBuf>,
    /// The directory of documentation whose tables and curves are rewritten.
    pub(crate) docs: Option<PathBuf>,
    /// The binary; beside this one unless given.
    pub(crate) steading: Option<PathBuf>,
}

impl Options {
    /// From the words behind `compare`; nothing if they make no sense.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Option<Options> {
        let mut options = Options::default();
        let list = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        while let Some(name) = words.next() {
            match name.as_str() {
                "--quick" => options.quick = true,
                "--prepare" => options.prepare = true,
                "--only" => options.only = list(words.next()?),
                "--peers" => options.peers = Some(list(words.next()?)),
                "--rounds" => options.rounds = Some(words.next()?.parse().ok()?),
                "--markdown" => options.markdown = Some(words.next()?.into()),
                "--json" => options.json = Some(words.next()?.into()),
                "--docs" => options.docs = Some(words.next()?.into()),
                "--steading" => options.steading = Some(words.next()?.into()),
                _ => return None,
            }
        }
        Some(options)
    }

    /// Rounds of a row that has so many in a full run.
    pub(crate) fn rounds(&self, full: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { full })
    }

    /// One of two sizes: of a quick run, of a full one.
    pub(crate) fn size<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}
