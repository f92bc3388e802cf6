//! Mail, by SMTP.

use std::path::Path;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use steading_core::farm::{Mail, Security};

use super::deliver::{Failed, said};
use super::message::Message;
use super::secrets;

/// Longest wait for the server to say anything.
const SILENCE: Duration = Duration::from_secs(20);

/// Hands the message to the server; it is answerable for it from then on.
pub(super) async fn send(data: &Path, to: &Mail, message: &Message) -> Result<(), Failed> {
    let letter = letter(to, message)?;
    let transport = transport(data, to)?;
    match transport.send(letter).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_permanent() => Err(Failed::Lasting(said(&error))),
        Err(error) => Err(Failed::passing(&error)),
    }
}

fn letter(to: &Mail, message: &Message) -> Result<lettre::Message, Failed> {
    let address = |text: &str| {
        let wrong = |error| Failed::Lasting(format!("`{text}` is no address: {error}"));
        text.parse::<Mailbox>().map_err(wrong)
    };
    let host = to.sender.rsplit_once('@').map_or("localhost", |(_, host)| host);
    // The same however often it is sent: a mailbox that has it already may drop the second.
    let id = format!("<steading.{}.{}@{host}>", message.id, message.build.started_at.0);
    let mut letter = MessageBuilder::new()
        .from(address(&to.sender)?)
        .subject(message.subject())
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN);
    for receiver in &to.to {
        letter = letter.to(address(receiver)?);
    }
    letter.body(message.text()).map_err(|error| Failed::Lasting(error.to_string()))
}

fn transport(data: &Path, to: &Mail) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failed> {
    let (host, port) = to.server.rsplit_once(':').unwrap_or((&to.server, ""));
    let port: u16 = port.parse().map_err(|_| Failed::Lasting(format!("no port: {}", to.server)))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let protected = || {
        let parameters = TlsParameters::new(host.to_owned());
        parameters.map_err(|error| Failed::passing(&error))
    };
    let tls = match to.security {
        Security::None => Tls::None,
        Security::StartTls => Tls::Required(protected()?),
        Security::Tls => Tls::Wrapper(protected()?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(port)
        .tls(tls)
        .timeout(Some(SILENCE));
    if let (Some(user), Some(password)) = (&to.user, &to.password) {
        let password = secrets::read(data, password)?;
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}
