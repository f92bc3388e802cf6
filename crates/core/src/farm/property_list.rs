//! Properties in one piece: a hundred thousand requests wait with theirs, mostly a few each, and a
//! tree takes the room of eleven for one.

use crate::words::{Properties, Property};

/// Properties by name, in name order, that change no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertyList(Box<[(Box<str>, Property)]>);

impl PropertyList {
    /// The property of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Property> {
        let at = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.0.iter().map(|(name, property)| (name.as_ref(), property))
    }
}

impl From<Properties> for PropertyList {
    fn from(properties: Properties) -> PropertyList {
        properties.into_iter().collect()
    }
}

impl From<&PropertyList> for Properties {
    fn from(list: &PropertyList) -> Properties {
        list.iter().map(|(name, property)| (name.to_owned(), property.clone())).collect()
    }
}

impl FromIterator<(String, Property)> for PropertyList {
    /// Of two with one name the last counts.
    fn from_iter<I: IntoIterator<Item = (String, Property)>>(properties: I) -> PropertyList {
        let by_name: Properties = properties.into_iter().collect();
        PropertyList(by_name.into_iter().map(|(name, it)| (name.into_boxed_str(), it)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Value;

    fn property(value: i64) -> Property {
        Property { value: Value::Int(value), source: "test".to_owned() }
    }

    #[test]
    fn names_are_found_and_the_last_of_a_name_counts() {
        let named = [("b", 1), ("a", 2), ("c", 3), ("b", 4)];
        let list: PropertyList =
            named.map(|(name, n)| (name.to_owned(), property(n))).into_iter().collect();
        let check = |name: &str, expected: Option<i64>| {
            assert_eq!(list.get(name), expected.map(property).as_ref(), "{name}");
        };
        check("a", Some(2));
        check("b", Some(4));
        check("c", Some(3));
        check("d", None);
        check("", None);
        let tree = Properties::from(&list);
        assert_eq!(tree.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(PropertyList::from(tree), list);
    }
}
