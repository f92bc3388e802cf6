//! The templates: within the binary, each replaceable by a file of the same name in a directory.

use std::path::PathBuf;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, HtmlEscape};
use serde::Serialize;

use super::asset;

macro_rules! templates {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../assets/pages/", $name))),)*]
    };
}

static TEMPLATES: &[(&str, &str)] = templates! {
    "base.html",
    "macros.html",
    "home.html",
    "builders.html",
    "builder.html",
    "build.html",
    "log.html",
    "lines.html",
    "workers.html",
    "queue.html",
    "request.html",
    "changes.html",
    "schedulers.html",
    "locks.html",
    "problem.html",
};

/// Renders views.
#[derive(Debug)]
pub(super) struct Templates {
    environment: Environment<'static>,
    /// Where replacements are; with one, files are read anew for each page.
    directory: Option<PathBuf>,
}

impl Templates {
    /// Our templates, with those of a directory in their place.
    pub(super) fn new(directory: Option<PathBuf>) -> Templates {
        Templates { environment: environment(directory.clone()), directory }
    }

    /// A page of that name.
    ///
    /// # Errors
    /// When a replaced template is broken; ours are tested.
    pub(super) fn render(&self, name: &str, view: &impl Serialize) -> Result<String, Error> {
        let view = Value::from(Serde(view));
        match &self.directory {
            None => self.environment.get_template(name)?.render(view),
            Some(directory) => {
                environment(Some(directory.clone())).get_template(name)?.render(view)
            }
        }
    }
}

fn environment(directory: Option<PathBuf>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are a syntax"));
    // Both are made of characters that need no escaping.
    let safe = Value::from_safe_string;
    environment.add_function("asset", move |name: String| safe(asset::href(&name)));
    environment.add_filter("path", move |text: String| safe(path_segment(&text)));
    environment.add_filter("said", move |text: String| safe(said(&text)));
    environment.set_loader(move |name| source(directory.as_ref(), name));
    environment
}

/// The replacement of a template if there is one, else ours.
fn source(directory: Option<&PathBuf>, name: &str) -> Result<Option<String>, Error> {
    let Some((known, ours)) = TEMPLATES.iter().find(|(known, _)| *known == name) else {
        return Ok(None);
    };
    let Some(directory) = directory else { return Ok(Some((*ours).to_owned())) };
    match fs_err::read_to_string(directory.join(known)) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Some((*ours).to_owned())),
        Err(e) => Err(Error::new(ErrorKind::InvalidOperation, e.to_string())),
    }
}

/// A sentence of the farm as HTML: what stands between backticks is code.
fn said(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(|part| HtmlEscape(part).to_string()).collect();
    // Of an odd number of backticks the last one is only a backtick.
    let paired = (parts.len() - 1) / 2 * 2;
    let mut html = String::with_capacity(text.len());
    for (index, part) in parts.iter().enumerate() {
        html.push_str(match index {
            0 => "",
            n if n > paired => "`",
            n if n % 2 == 1 => "<code>",
            _ => "</code>",
        });
        html.push_str(part);
    }
    html
}

/// A text as one segment of a path: names may hold slashes and worse.
pub(super) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                segment.push(char::from(byte));
            }
            byte => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_whole() {
        let environment = environment(None);
        for (name, _) in TEMPLATES {
            if let Err(error) = environment.get_template(name) {
                panic!("{name}: {error:#}");
            }
        }
    }

    #[test]
    fn a_file_replaces_a_template() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs_err::write(directory.path().join("problem.html"), "mine: {{ text }}").expect("writes");
        let templates = Templates::new(Some(directory.path().to_owned()));
        let view = std::collections::BTreeMap::from([("text", "<&>")]);
        let page = templates.render("problem.html", &view).expect("renders");
        assert_eq!(page, "mine: &lt;&amp;&gt;");
    }

    #[test]
    fn code_stands_between_backticks() {
        let check = |text: &str, expected: &str| assert_eq!(said(text), expected);
        check("step `a<b` said `no`", "step <code>a&lt;b</code> said <code>no</code>");
        check("an odd ` stays", "an odd ` stays");
        check("`a` and ` more", "<code>a</code> and ` more");
        check("<script>`</script>`", "&lt;script&gt;<code>&lt;&#x2f;script&gt;</code>");
        check("", "");
    }

    #[test]
    fn names_become_one_segment() {
        assert_eq!(path_segment("a/b c?\"ü"), "a%2Fb%20c%3F%22%C3%BC");
    }
}
