//! The command line of a lesson: at most one address, `--help` and `--version`.
//!
//! A lesson with options of its own reads them with lexopt in its `main.rs`, and leaves to
//! [`Lesson::help_or_refuse`] and [`Lesson::refuse`] what all lessons have in common.

use std::ffi::OsStr;
use std::net::SocketAddrV6;
use std::process::exit;

use lexopt::prelude::*;
use lexopt::{Arg, Error, Parser};

use crate::{note, print_line};

/// A lesson as its Cargo.toml describes it. Made by [`lesson!`](crate::lesson).
pub struct Lesson {
    /// The package, such as `lesson-greeting`.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The section, and what the lesson shows.
    pub summary: &'static str,
}

/// Returns the [`Lesson`] whose package calls this.
#[macro_export]
macro_rules! lesson {
    () => {
        $crate::Lesson {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            summary: env!("CARGO_PKG_DESCRIPTION"),
        }
    };
}

impl Lesson {
    /// Returns the address on the command line as `HOST:PORT`, or `default` if there is none. A lone
    /// `PORT` takes its host from `default`.
    ///
    /// Ends the process for `--help` and `--version` (exit status 0) and for a bad argument (one
    /// line that quotes it, exit status 2).
    pub fn address(&self, default: &str) -> String {
        match self.parse(Parser::from_env(), Some(default)) {
            Ok(address) => address.unwrap_or_else(|| default.to_string()),
            Err(problem) => self.refuse(problem),
        }
    }

    /// Ends the process as [`Lesson::address`] does, for a lesson that takes no address. Returns if
    /// there is no argument.
    pub fn no_arguments(&self) {
        if let Err(problem) = self.parse(Parser::from_env(), None) {
            self.refuse(problem);
        }
    }

    /// Reads an address, which is allowed if there is a default for it.
    fn parse(&self, mut parser: Parser, default: Option<&str>) -> Result<Option<String>, Error> {
        let mut address = None;
        while let Some(argument) = parser.next()? {
            match (argument, default) {
                (Value(text), Some(default)) if address.is_none() => {
                    address = Some(host_and_port(text, default)?);
                }
                (other, _) => return Err(self.help_or_refuse(other, default, &[])),
            }
        }
        Ok(address)
    }

    /// Prints the help or the version and ends the process, if `argument` asks for either.
    /// Otherwise returns the error that refuses it.
    ///
    /// `default` is the address's default, and `options` are this lesson's own: each as it is
    /// typed, such as `--file PATH`, and what it is for.
    pub fn help_or_refuse(
        &self,
        argument: Arg<'_>,
        default: Option<&str>,
        options: &[(&str, &str)],
    ) -> Error {
        match (argument, default) {
            (Short('h') | Long("help"), _) => print_line!("{}", self.help(default, options)),
            (Short('V') | Long("version"), _) => print_line!("{} {}", self.name, self.version),
            (Value(value), Some(_)) => return format!("{value:?} is one argument too many").into(),
            (Value(value), None) => {
                return format!("{value:?} was not expected: this lesson takes no argument").into();
            }
            (option, _) => return option.unexpected(),
        }
        exit(0)
    }

    /// Reports on one line what is wrong with the command line, and ends the process with exit
    /// status 2.
    pub fn refuse(&self, problem: Error) -> ! {
        note!("{}: {} (see --help)", self.name, on_one_line(problem));
        exit(2)
    }

    fn help(&self, default: Option<&str>, options: &[(&str, &str)]) -> String {
        let Lesson { name, version, summary } = self;
        let mut usage: Vec<String> =
            options.iter().map(|(typed, _)| format!("[{typed}]")).collect();
        let mut rows = Vec::new();
        let server =
            default.map(|default| format!("PORT or HOST:PORT of the server [default: {default}]"));
        if let Some(server) = &server {
            usage.push(if options.is_empty() { "ADDRESS" } else { "[ADDRESS]" }.to_string());
            rows.extend([
                ("ADDRESS", server.as_str()),
                ("", "A server takes any free port for port 0, and lets the"),
                ("", "whole local network in on 0.0.0.0:3000."),
            ]);
        }
        rows.extend(options);
        rows.extend([("-h, --help", "print this help"), ("-V, --version", "print the version")]);
        let width = rows.iter().map(|(typed, _)| typed.len()).max().unwrap_or_default();
        let rows: Vec<String> =
            rows.iter().map(|(typed, meaning)| format!("  {typed:width$}  {meaning}")).collect();
        let usage =
            if usage.is_empty() { String::new() } else { format!(" [-- {}]", usage.join(" ")) };
        format!(
            "{name} {version}\n{summary}\n\nUsage: cargo run -p {name}{usage}\n\n{}",
            rows.join("\n")
        )
    }
}

/// Quotes an option as well (lexopt quotes only values), because either may hold a newline.
fn on_one_line(problem: Error) -> String {
    match problem {
        Error::UnexpectedOption(option) => format!("{option:?} was not expected"),
        Error::MissingValue { option: Some(option) } => format!("{option:?} needs a value"),
        other => other.to_string(),
    }
}

/// Completes `PORT` with the host of `default`, and checks `HOST:PORT`. Does not resolve the host.
///
/// # Errors
///
/// If `argument` is neither. The message quotes it.
pub fn host_and_port(argument: impl AsRef<OsStr>, default: &str) -> Result<String, String> {
    let argument = argument.as_ref().to_string_lossy();
    let is_port =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    // An IPv6 address has colons of its own, so it comes in brackets: [::1]:3000. If it is valid on one
    // link only, the number of an interface says on which: [fe80::1%2]:3000.
    let is_host = |text: &str| match text.strip_prefix('[') {
        Some(bracketed) => {
            bracketed.ends_with(']') && format!("{text}:0").parse::<SocketAddrV6>().is_ok()
        }
        None => {
            !text.is_empty()
                && !text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
        }
    };
    match (argument.rsplit_once(':'), default.rsplit_once(':')) {
        (None, Some((host, _))) if is_port(&argument) => Ok(format!("{host}:{argument}")),
        (Some((host, port)), _) if is_host(host) && is_port(port) => Ok(argument.to_string()),
        _ => Err(format!(
            "{argument:?} is not an address: give PORT or HOST:PORT, such as 3001 or {default}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: Lesson = Lesson { name: "lesson-x", version: "1.2.3", summary: "6.9 Something" };

    const OPTIONS: [(&str, &str); 2] =
        [("--file PATH", "send this"), ("--size NUMBER", "how much")];

    fn parsed(arguments: &[&str], default: Option<&str>) -> Result<Option<String>, String> {
        LESSON.parse(Parser::from_args(arguments), default).map_err(on_one_line)
    }

    #[test]
    fn help_has_a_row_for_each_option() {
        let help = LESSON.help(Some("h:1"), &OPTIONS);
        assert!(
            help.contains(
                "Usage: cargo run -p lesson-x [-- [--file PATH] [--size NUMBER] [ADDRESS]]"
            )
        );
        assert!(
            help.contains("\n  --file PATH    send this\n  --size NUMBER  how much\n"),
            "{help}"
        );
    }

    fn address(argument: &str) -> Option<String> {
        host_and_port(argument, "127.0.0.1:3000").ok()
    }

    #[test]
    fn a_port_takes_the_host_of_the_default() {
        assert_eq!(address("3001").as_deref(), Some("127.0.0.1:3001"));
        assert_eq!(address("0").as_deref(), Some("127.0.0.1:0"));
        assert_eq!(host_and_port("65535", "localhost:3000").as_deref(), Ok("localhost:65535"));
    }

    #[test]
    fn a_host_and_a_port_stay_as_they_are() {
        for whole in [
            "0.0.0.0:3000",
            "localhost:80",
            "[::1]:3000",
            "[fe80::1%2]:3000",
            "[::]:0",
            "教室.example:3000",
        ] {
            assert_eq!(address(whole).as_deref(), Some(whole));
        }
    }

    #[test]
    fn what_is_not_an_address_is_quoted_on_one_line() {
        let bad = [
            "",
            ":",
            "abc",
            "localhost",
            ":3000",
            "127.0.0.1:",
            "65536",
            "-1",
            "+1",
            "1:2:3",
            "::1:3000",
            "[::1:3000",
            "[fe80::1%]:3000",
            "[fe80::1%eth0]:3000",
        ];
        for argument in bad.into_iter().chain([
            "[x]:1",
            "a b:1",
            "3000\n",
            "a\x1b:1",
            "127.0.0.1:+1",
            "３０００",
        ]) {
            let problem = host_and_port(argument, "127.0.0.1:3000").expect_err(argument);
            assert!(problem.starts_with(&format!("{argument:?} is not an address")), "{problem}");
            assert!(!problem.contains(char::is_control), "{problem:?}");
        }
    }

    #[test]
    fn at_most_one_address_is_taken() {
        assert_eq!(parsed(&[], Some("h:1")), Ok(None));
        assert_eq!(parsed(&["2"], Some("h:1")), Ok(Some("h:2".to_string())));
        assert_eq!(parsed(&[], None), Ok(None));
    }

    #[test]
    fn every_other_argument_is_refused() {
        let refused =
            |arguments: &[&str], default| parsed(arguments, default).expect_err("a bad argument");
        assert_eq!(refused(&["1", "2"], Some("h:1")), "\"2\" is one argument too many");
        assert_eq!(refused(&["1"], None), "\"1\" was not expected: this lesson takes no argument");
        assert_eq!(refused(&["--port"], Some("h:1")), "\"--port\" was not expected");
        assert_eq!(refused(&["-p"], Some("h:1")), "\"-p\" was not expected");
        assert_eq!(refused(&["--a\nb"], Some("h:1")), "\"--a\\nb\" was not expected");
    }

    #[test]
    fn an_option_without_its_value_is_quoted() {
        let mut parser = Parser::from_args(["--file"]);
        assert!(matches!(parser.next(), Ok(Some(Long("file")))));
        let problem = parser.value().expect_err("there is no value");
        assert_eq!(on_one_line(problem), "\"--file\" needs a value");
    }

    #[test]
    fn help_names_the_package_the_section_and_the_default() {
        let help = LESSON.help(Some("127.0.0.1:3000"), &[]);
        for part in [
            "lesson-x 1.2.3\n6.9 Something",
            "cargo run -p lesson-x [-- ADDRESS]",
            "[default: 127.0.0.1:3000]",
        ] {
            assert!(help.contains(part), "{help}");
        }
        assert!(!LESSON.help(None, &[]).contains("ADDRESS"));
    }
}
