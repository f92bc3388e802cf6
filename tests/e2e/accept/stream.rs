//! Streams that builds print from a seed, and that tests compute for themselves.

use std::collections::BTreeSet;

use crate::farm::Farm;

/// What `awk` does between its braces: `x` is the seed, `n` the number of lines.
pub(super) const AWK: &str = "for (i = 0; i < n; i++) { x = (x * 16807) % 2147483647; print x }";

/// A step that prints the stream of property `seed`, `lines` long, and naps for `nap` in the
/// middle; the number of its build is then a line of `begun`, outside of all machines.
pub(super) const STEP: &str = r#"shell(["sh", "-c", """
    echo $3 >> DIR/begun
    awk -v x="$0" -v n="$1" -v nap="$2" 'BEGIN {
        for (i = 0; i < n; i++) {
            x = (x * 16807) % 2147483647; print x
            if (i == int(n / 2)) { fflush(); system("sleep " nap) }
        }
    }'
""", prop("seed"), prop("lines"), prop("nap"), prop("build_number")], name = "stream")"#;

/// No build began the step twice, whatever became of its worker.
#[track_caller]
pub(super) fn is_begun_once(farm: &Farm) {
    let begun = farm.written("begun");
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = begun.lines().filter(|build| !seen.insert(*build)).collect();
    assert_eq!(twice, Vec::<&str>::new(), "builds that began the step twice");
}

/// The bytes of so many lines after a seed, which is between 1 and 2³¹ − 2.
pub(super) fn stream(seed: u64, lines: usize) -> Vec<u8> {
    let next = |x: &u64| Some(x * 16_807 % 2_147_483_647);
    let numbers = std::iter::successors(Some(seed), next).skip(1).take(lines);
    numbers.flat_map(|x| format!("{x}\n").into_bytes()).collect()
}
