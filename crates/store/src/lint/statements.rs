//! Every statement the crate can run, by a name that finds it.

/// Statements of the shared subset: declared ones and one of each generated shape.
pub(super) fn all() -> Vec<(String, String)> {
    let lists = [
        crate::audit::statements::ALL,
        crate::ops::statements::ALL,
        crate::reads::statements::ALL,
        &[crate::migrations::STATEMENTS],
    ];
    let declared = lists.into_iter().flatten().copied().flatten();
    let declared = declared.map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned()));
    declared.chain(crate::ops::statements::generated()).chain(crate::query::generated()).collect()
}

/// As PostgreSQL writes parameters.
pub(super) fn for_postgres(sql: &str) -> String {
    sql.replace('?', "$")
}

#[test]
fn every_source_file_that_declares_statements_is_listed() {
    let listed: std::collections::BTreeSet<String> = all()
        .into_iter()
        .filter_map(|(name, _)| Some(name.rsplit_once("::")?.0.to_owned()))
        .collect();
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![source.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if fs_err::read_to_string(&path).unwrap().contains("\nstatements! {") {
                let file = path.strip_prefix(&source).unwrap().with_extension("");
                let module = file.to_str().unwrap().replace('/', "::");
                let module = format!("steading_store::{module}");
                assert!(listed.contains(&module), "{module} is not in the lint's list");
            }
        }
    }
}

#[test]
fn no_statement_holds_a_question_mark_that_is_no_parameter() {
    for (name, sql) in all() {
        let parts: Vec<&str> = sql.split('?').skip(1).collect();
        let parameters = parts.iter().all(|p| p.starts_with(|c: char| c.is_ascii_digit()));
        assert!(parameters, "{name}: {sql}");
    }
}
