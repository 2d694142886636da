//! What the options do not say is asked on a terminal, one line for each question.

use std::io::{self, BufRead, Write};
use std::str::FromStr as _;

use super::arguments::Init;
use super::fault::InitFault;
use crate::cli::snippet::FrontProxy;

/// All that is required.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) front_proxy: FrontProxy,
    pub(super) host: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
}

impl Answers {
    /// Takes the options, and asks for the others where there is somebody to ask.
    pub(super) fn complete(args: &Init, asked: Option<(&mut dyn BufRead, &mut dyn Write)>) -> Result<Self, InitFault> {
        let Some((input, output)) = asked else { return Self::of_options(args) };
        let mut ask = |option: &'static str, question: &str, accept: &dyn Fn(&str) -> Result<(), String>| {
            answer(input, output, question, accept)
                .map_err(InitFault::Terminal)?
                .ok_or(InitFault::Missing(vec![option]))
        };
        let front_proxy = if let Some(front_proxy) = args.front_proxy {
            front_proxy
        } else {
            let known = FrontProxy::ALL.map(|(_, name)| name).into_iter().filter(|name| *name != "haproxy-script");
            let question = format!("Front proxy ({})", known.collect::<Vec<_>>().join(", "));
            let accept = |text: &str| FrontProxy::from_str(text).map(|_| ()).map_err(|fault| fault.to_string());
            let text = ask("--front-proxy", &question, &accept)?;
            FrontProxy::from_str(&text).map_err(|_| InitFault::Missing(vec!["--front-proxy"]))?
        };
        let mut text = |given: &Option<String>, option, question: &str| match given {
            Some(given) => Ok(given.clone()),
            None => ask(option, question, &|_| Ok(())),
        };
        Ok(Self {
            front_proxy,
            host: with_scheme(&text(&args.host, "--host", "URL of the application, such as https://wiki.example.com")?),
            issuer: text(&args.issuer, "--issuer", "Issuer of the provider, such as https://sso.example.com")?,
            client_id: text(&args.client_id, "--client-id", "Client ID at the provider")?,
        })
    }

    fn of_options(args: &Init) -> Result<Self, InitFault> {
        let Init {
            front_proxy: Some(front_proxy),
            host: Some(host),
            issuer: Some(issuer),
            client_id: Some(client_id),
            ..
        } = args.clone()
        else {
            let given = [
                ("--front-proxy", args.front_proxy.is_some()),
                ("--host", args.host.is_some()),
                ("--issuer", args.issuer.is_some()),
                ("--client-id", args.client_id.is_some()),
            ];
            return Err(InitFault::Missing(
                given.into_iter().filter(|(_, given)| !given).map(|(name, _)| name).collect(),
            ));
        };
        Ok(Self { front_proxy, host: with_scheme(&host), issuer, client_id })
    }
}

/// An address without a scheme is an https address.
fn with_scheme(host: &str) -> String {
    if host.contains("://") { host.to_owned() } else { format!("https://{host}") }
}

/// The first answer that is accepted; `None` at the end of the input.
fn answer(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    question: &str,
    accept: &dyn Fn(&str) -> Result<(), String>,
) -> io::Result<Option<String>> {
    loop {
        write!(output, "{question}: ")?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(output)?;
            return Ok(None);
        }
        let text = line.trim();
        match accept(text) {
            _ if text.is_empty() => {}
            Ok(()) => return Ok(Some(text.to_owned())),
            Err(cause) => writeln!(output, "{cause}")?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &Init, typed: &str) -> (Result<Answers, InitFault>, String) {
        let mut output = Vec::new();
        let answers = Answers::complete(args, Some((&mut typed.as_bytes(), &mut output)));
        (answers, String::from_utf8(output).unwrap())
    }

    #[test]
    fn what_the_options_do_not_say_is_asked_until_it_is_usable() {
        let args = Init { issuer: Some("https://sso.example.com".to_owned()), ..Init::default() };
        let (answers, output) = asked(&args, "apache\n\nnginx\nwiki.example.com\n  wiki \n");
        let expected = Answers {
            front_proxy: FrontProxy::Nginx,
            host: "https://wiki.example.com".to_owned(),
            issuer: "https://sso.example.com".to_owned(),
            client_id: "wiki".to_owned(),
        };
        assert_eq!(answers.unwrap(), expected);
        assert!(output.contains("known front proxies") && !output.contains("Issuer"), "{output}");
    }

    #[test]
    fn the_end_of_the_input_ends_the_questions() {
        let (answers, _) = asked(&Init::default(), "envoy\n");
        assert!(matches!(answers.unwrap_err(), InitFault::Missing(missing) if missing == ["--host"]));
    }

    #[test]
    fn without_a_terminal_all_missing_options_are_named() {
        let args = Init { host: Some("https://wiki.example.com".to_owned()), ..Init::default() };
        let fault = Answers::complete(&args, None).unwrap_err();
        assert!(
            matches!(&fault, InitFault::Missing(missing) if *missing == ["--front-proxy", "--issuer", "--client-id"]),
            "{fault}"
        );
    }
}
