//! States that few rows are in at a time: what is asked about those is also said in the words of
//! the index that holds no others. A bound value tells the engine nothing while it plans, and it
//! would look at all of history for the builds that run.

use steading_core::words::{Cell, Kind, Noun};

use super::filter::{Filter, Op};

/// A noun, some of its states, and what rows in these and no others have in common.
const FEW: &[(&str, &[&str], &str)] = &[
    ("build", &["running", "gathering", "cancelling", "lost"], "finished_at IS NULL"),
    ("claim", &["offered"], "state = 'offered'"),
    ("step", &["running"], "state = 'running'"),
    ("step", &["waiting"], "state = 'waiting'"),
];

/// What is true of every row that meets these filters, if an index knows it.
pub(super) fn also(noun: &Noun, filters: &[Filter]) -> Option<&'static str> {
    filters.iter().find_map(|filter| {
        let admitted = states(noun, filter)?;
        let few = |(of, states, _): &&(&str, &[&str], &str)| {
            *of == noun.name && admitted.iter().all(|state| states.contains(state))
        };
        FEW.iter().find(few).map(|(.., common)| *common)
    })
}

/// The states a filter admits, where it is about states.
fn states(noun: &Noun, filter: &Filter) -> Option<Vec<&'static str>> {
    let field = noun.field(&filter.field).filter(|field| field.name == "state")?;
    let Kind::Word(words) = field.kind else { return None };
    let named = |word: &str| filter.values.iter().any(|v| matches!(v, Cell::Text(t) if t == word));
    let admits = |word: &&str| match filter.op {
        Op::Eq | Op::In => named(word),
        Op::Ne => !named(word),
        _ => true,
    };
    Some(words.iter().copied().filter(admits).collect())
}

#[cfg(test)]
mod tests {
    use steading_core::words::noun;

    use super::*;

    #[test]
    fn what_few_are_is_said_as_their_index_says_it() {
        let check = |name: &str, asked: &[(&str, &str)], expected: Option<&str>| {
            let noun = noun(name).unwrap();
            let filters: Vec<Filter> =
                asked.iter().map(|(key, value)| Filter::parse(noun, key, value).unwrap()).collect();
            assert_eq!(also(noun, &filters), expected, "{asked:?}");
        };
        let live = Some("finished_at IS NULL");
        check("build", &[("state", "running")], live);
        check("build", &[("builder", "b"), ("state__in", "lost,running")], live);
        check("build", &[("state__ne", "finished")], live);
        check("build", &[("state__ne", "running")], None);
        check("build", &[("state__in", "running,finished")], None);
        check("build", &[("state__ge", "running")], None);
        check("build", &[("builder", "running")], None);
        check("claim", &[("state", "offered")], Some("state = 'offered'"));
        check("claim", &[("state__ne", "offered")], None);
        check("step", &[("state", "waiting")], Some("state = 'waiting'"));
        check("step", &[("state__in", "waiting,running")], None);
    }
}
