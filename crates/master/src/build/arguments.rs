//! Values reach commands as whole argv elements or environment variables: nothing is templated.

use steading_core::farm::Arg;
use steading_core::words::Properties;

/// A property that a step needs and its build does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the build has no property `{0}` and the step names no default; set it, or write prop(\"{0}\", default = …)"
)]
pub(super) struct Missing(pub(super) String);

/// The text an argument stands for.
pub(super) fn value(arg: &Arg, properties: &Properties) -> Result<String, Missing> {
    match arg {
        Arg::Text(text) => Ok(text.clone()),
        Arg::Prop { name, default } => match (properties.get(name), default) {
            (Some(property), _) => Ok(property.value.to_string()),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(Missing(name.clone())),
        },
        Arg::Join(parts) => parts.iter().map(|part| value(part, properties)).collect(),
    }
}

/// Words of a command. A property that is empty leaves no word, so that `prop("filter", default =
/// "")` means "no filter" rather than "an empty one".
pub(super) fn words(args: &[Arg], properties: &Properties) -> Result<Vec<String>, Missing> {
    let mut words = Vec::new();
    for arg in args {
        let word = value(arg, properties)?;
        if !(word.is_empty() && matches!(arg, Arg::Prop { .. })) {
            words.push(word);
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use steading_core::words::Property;

    use super::*;

    #[test]
    fn a_value_is_one_word_whatever_it_holds() {
        let hostile = Property { value: "; rm -rf / #".into(), source: "force".to_owned() };
        let properties = Properties::from([("filter".to_owned(), hostile)]);
        let prop = |name: &str, default: Option<&str>| Arg::Prop {
            name: name.to_owned(),
            default: default.map(str::to_owned),
        };
        let join = Arg::Join(vec![Arg::Text("--f=".into()), prop("filter", None)]);
        let args = [Arg::Text("test".into()), prop("filter", None), prop("other", Some("")), join];
        let words = words(&args, &properties).expect("all are there");
        assert_eq!(words, ["test", "; rm -rf / #", "--f=; rm -rf / #"]);
        assert_eq!(value(&prop("other", None), &properties), Err(Missing("other".into())));
    }
}
