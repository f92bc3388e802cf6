//! The table of who may do what, pure.

use steading_wire::problem::{Code, Problem};
use steading_wire::rest::Scope;

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// To see.
    Read,
    /// To change something.
    Write,
}

/// Whether a request may pass. `local`: its peer is on this machine and nobody forwarded it.
pub(super) fn check(want: Want, local: bool, scope: Option<Scope>) -> Result<(), Problem> {
    match (want, scope) {
        (_, Some(Scope::Admin)) | (Want::Read, Some(Scope::Read)) => Ok(()),
        (Want::Read, None) if local => Ok(()),
        (Want::Write, Some(Scope::Read)) => {
            forbidden("this token may only read; use one of scope `admin`")
        }
        (_, Some(Scope::Worker)) => {
            forbidden("this is a worker's token; it opens the worker's link and nothing else")
        }
        (_, Some(Scope::Browser)) => {
            forbidden("this token signs a browser in, once, at /signin; it opens nothing else")
        }
        (Want::Read, None) => unauthorized(
            "reading needs a token unless you are on the farm's own machine; send \
             `Authorization: Bearer TOKEN`, or sign in with the link `steading open` prints",
        ),
        (Want::Write, None) => unauthorized(
            "every write needs a token of scope `admin`, on the farm's own machine too; send \
             `Authorization: Bearer TOKEN`, or sign in with the link `steading open` prints",
        ),
    }
}

fn forbidden(detail: &str) -> Result<(), Problem> {
    Err(Problem::new(Code::Forbidden, detail))
}

fn unauthorized(detail: &str) -> Result<(), Problem> {
    Err(Problem::new(Code::Unauthorized, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_allowed() {
        let check = |want, local, scope, expected: Result<(), Code>| {
            let found = check(want, local, scope).map_err(|problem| problem.code);
            assert_eq!(found, expected, "{want:?} local={local} {scope:?}");
        };
        for local in [true, false] {
            check(Want::Read, local, Some(Scope::Admin), Ok(()));
            check(Want::Write, local, Some(Scope::Admin), Ok(()));
            check(Want::Read, local, Some(Scope::Read), Ok(()));
            check(Want::Write, local, Some(Scope::Read), Err(Code::Forbidden));
            for scope in [Scope::Worker, Scope::Browser] {
                check(Want::Read, local, Some(scope), Err(Code::Forbidden));
                check(Want::Write, local, Some(scope), Err(Code::Forbidden));
            }
            check(Want::Write, local, None, Err(Code::Unauthorized));
        }
        check(Want::Read, true, None, Ok(()));
        check(Want::Read, false, None, Err(Code::Unauthorized));
    }
}
