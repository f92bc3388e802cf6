//! SQL as text: every statement of the crate is declared through `statements!`, so that one test
//! can list them all, parse them in both dialects and prepare them on a real PostgreSQL.
//!
//! The dialect is the subset SQLite and PostgreSQL share: integers and text, `?1` for parameters
//! (`$1` there), `RETURNING`, `ON CONFLICT`, partial indexes, `NULLS FIRST`.

/// Declares statements as constants and lists them.
macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(const $name: &str = $sql;)*
        /// Every statement of this file, for the SQL lint.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[(&str, &str)] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $sql)),*];
    };
}
pub(crate) use statements;
