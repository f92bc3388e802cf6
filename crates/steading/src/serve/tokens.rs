//! The token of whoever owns the data directory.

use steading_master::Master;
use steading_store::Store;
use steading_web::auth::token_hash;

use super::{Error, Place};

const FILE: &str = "admin.token";

/// Leaves a valid admin token in the data directory. One that still is valid stays, so that clients
/// which read it before a restart go on.
pub(super) async fn keep_admin_token(
    place: &Place,
    store: &Store,
    master: &Master,
) -> Result<(), Error> {
    if let Ok(text) = fs_err::read_to_string(place.data.join(FILE)) {
        let hash = token_hash(text.trim());
        let known = store.read(move |r| Ok((r.token(&hash)?, r.now()))).await?;
        if let (Some(token), now) = known
            && token.scope == "admin"
            && token.expires_at.is_none_or(|end| now < end)
        {
            return Ok(());
        }
    }
    let token = master.owner_token().await.map_err(|e| Error::Token(e.to_string()))?;
    Ok(place.write(FILE, &token)?)
}
