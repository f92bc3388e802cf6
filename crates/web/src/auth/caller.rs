//! Who asks: an extension of every request that passed the guard.

use steading_wire::rest::Scope;

/// Who asks. Handlers take it as `Extension<Caller>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name; `anonymous` without one.
    pub name: String,
    /// What the token allows; none without one.
    pub scope: Option<Scope>,
}

impl Caller {
    /// Somebody without a token.
    #[must_use]
    pub fn anonymous() -> Caller {
        Caller { name: "anonymous".to_owned(), scope: None }
    }

    /// Whether they may write: pages show their buttons by this.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.scope == Some(Scope::Admin)
    }
}
