//! A chunk: consecutive raw bytes with where and when their lines began. What a block holds.

/// A block is cut when it has this many raw bytes.
pub const BLOCK_MAX_BYTES: usize = 256 << 10;
/// … or this many line starts, so that its index stays small even for a log of empty lines.
pub const BLOCK_LINES_MAX: usize = 32 << 10;

/// Raw bytes and the lines that begin in them. A line begins at the log's first byte and after
/// each `\n`, once there is a byte there; its time is that of the piece its first byte came with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    pub(crate) raw_offset: u64,
    pub(crate) lines_before: u64,
    pub(crate) raw: Vec<u8>,
    pub(crate) starts: Vec<u32>,
    pub(crate) times: Vec<i64>,
    /// Whether the next byte begins a line.
    pub(crate) fresh: bool,
}

impl Chunk {
    /// An empty chunk at a place of a log; `fresh` says whether its first byte begins a line.
    #[must_use]
    pub fn at(raw_offset: u64, lines_before: u64, fresh: bool) -> Chunk {
        Chunk { raw_offset, lines_before, fresh, ..Chunk::default() }
    }

    /// Raw offset of the first byte.
    #[must_use]
    pub fn raw_offset(&self) -> u64 {
        self.raw_offset
    }

    /// The raw bytes.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Raw offset behind the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.raw_offset + self.raw.len() as u64
    }

    /// Appends bytes that came at `at_micros`, without any limit.
    pub fn push(&mut self, at_micros: i64, bytes: &[u8]) {
        self.fill(at_micros, bytes, usize::MAX, usize::MAX);
    }

    /// Appends as much of `bytes` as a block may hold; answers what is left over.
    pub(crate) fn push_block<'a>(&mut self, at_micros: i64, bytes: &'a [u8]) -> &'a [u8] {
        let taken = self.fill(at_micros, bytes, BLOCK_MAX_BYTES, BLOCK_LINES_MAX);
        &bytes[taken..]
    }

    /// Whether a block of this is due.
    pub(crate) fn is_full(&self) -> bool {
        self.raw.len() >= BLOCK_MAX_BYTES || (self.starts.len() >= BLOCK_LINES_MAX && self.fresh)
    }

    /// The empty chunk that follows this one.
    pub(crate) fn next(&self) -> Chunk {
        Chunk::at(self.end(), self.lines_before + self.starts.len() as u64, self.fresh)
    }

    fn fill(&mut self, at_micros: i64, bytes: &[u8], bytes_max: usize, lines_max: usize) -> usize {
        let room = bytes.len().min(bytes_max.saturating_sub(self.raw.len()));
        let mut taken = 0;
        while taken < room {
            if self.fresh {
                if self.starts.len() >= lines_max {
                    break;
                }
                let start = u32::try_from(self.raw.len()).expect("a chunk is far below 4 GiB");
                self.starts.push(start);
                self.times.push(at_micros);
            }
            let rest = &bytes[taken..room];
            let newline = memchr::memchr(b'\n', rest);
            let piece = newline.map_or(rest.len(), |i| i + 1);
            self.raw.extend_from_slice(&rest[..piece]);
            self.fresh = newline.is_some();
            taken += piece;
        }
        taken
    }
}
