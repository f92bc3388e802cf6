//! Properties in one piece: a hundred thousand requests wait with theirs, mostly a few each, and a
//! tree takes the room of eleven for one.

use smol_str::SmolStr;

use crate::words::{Properties, Property, Value};

/// Properties by name, in name order, that change no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertyList(Box<[Named]>);

/// A property as it lies in the list: short texts in place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: SmolStr,
    value: Value,
    source: SmolStr,
}

impl PropertyList {
    /// The value of the property of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|known| known.name.as_str().cmp(name)).ok()?;
        Some(&self.0[at].value)
    }

    /// All values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|named| (named.name.as_str(), &named.value))
    }
}

impl From<Properties> for PropertyList {
    fn from(properties: Properties) -> PropertyList {
        properties.into_iter().collect()
    }
}

impl From<&PropertyList> for Properties {
    fn from(list: &PropertyList) -> Properties {
        let property = |named: &Named| {
            let property =
                Property { value: named.value.clone(), source: named.source.to_string() };
            (named.name.to_string(), property)
        };
        list.0.iter().map(property).collect()
    }
}

impl FromIterator<(String, Property)> for PropertyList {
    /// Of two with one name the last counts.
    fn from_iter<I: IntoIterator<Item = (String, Property)>>(properties: I) -> PropertyList {
        let by_name: Properties = properties.into_iter().collect();
        let named = by_name.into_iter().map(|(name, property)| Named {
            name: name.into(),
            value: property.value,
            source: property.source.into(),
        });
        PropertyList(named.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn property(value: i64) -> Property {
        Property { value: Value::Int(value), source: "test".to_owned() }
    }

    #[test]
    fn names_are_found_and_the_last_of_a_name_counts() {
        let named = [("b", 1), ("a", 2), ("c", 3), ("b", 4)];
        let list: PropertyList =
            named.map(|(name, n)| (name.to_owned(), property(n))).into_iter().collect();
        let check = |name: &str, expected: Option<i64>| {
            assert_eq!(list.get(name), expected.map(Value::Int).as_ref(), "{name}");
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
