//! A build, named as people name it.

use serde_json::{Map, Value};
use steading_wire::rest::Item;

use crate::client::{self, Client, path_segment};

/// The path of a build named `17` or `hello/17`.
pub(super) fn build_path(name: &str) -> String {
    match name.rsplit_once('/') {
        Some((builder, number)) => {
            format!("/builds/{}/{}", path_segment(builder), path_segment(number))
        }
        None => format!("/builds/{}", path_segment(name)),
    }
}

/// The build named `17` or `hello/17`.
pub(super) async fn build(
    client: &Client,
    name: &str,
) -> Result<Map<String, Value>, client::Error> {
    Ok(client.get::<Item>(&build_path(name)).await?.item)
}

#[cfg(test)]
mod tests {
    use super::build_path;

    #[test]
    fn builds_are_named_by_id_or_by_builder_and_number() {
        let check = |name, expected: &str| assert_eq!(build_path(name), expected);
        check("17", "/builds/17");
        check("hello/17", "/builds/hello/17");
        check("a/b/3", "/builds/a%2Fb/3");
        check("no such", "/builds/no%20such");
    }
}
