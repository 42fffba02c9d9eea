//! The command line of a lesson: at most one address, `--help`, `--version`, and what else the lesson
//! takes.

use std::ffi::OsString;
use std::process::exit;

use lexopt::Arg;

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

/// The [`Lesson`] whose package this is called in.
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

/// An option that a lesson takes besides its address, with a value.
pub struct Extra {
    /// As it is typed, without the two hyphens.
    pub name: &'static str,
    /// What `--help` calls the value, such as `PATH`.
    pub value: &'static str,
    /// What the option is for, in a few words.
    pub help: &'static str,
    /// What is wrong with a value, for a person to read; it need not be quoted.
    pub check: fn(&OsString) -> Result<(), String>,
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
enum Request<const N: usize> {
    Run { address: Option<String>, extras: [Option<OsString>; N] },
    Help,
    Version,
}

impl Lesson {
    /// The address on the command line as `HOST:PORT`, or `default` where there is none. A lone
    /// `PORT` takes its host from `default`.
    ///
    /// Ends the process for `--help` and `--version` (exit status 0) and for a bad argument (one
    /// line that quotes it, exit status 2).
    pub fn address(&self, default: &str) -> String {
        self.address_and(default, &[]).0
    }

    /// As [`Lesson::address`], with the values of the options in `extras`, in their order, where they
    /// were given.
    pub fn address_and<const N: usize>(
        &self,
        default: &str,
        extras: &[Extra; N],
    ) -> (String, [Option<OsString>; N]) {
        let (address, values) = self.request(Some(default), extras);
        (address.unwrap_or_else(|| default.to_string()), values)
    }

    /// For a lesson that takes no address: ends the process as [`Lesson::address`] does, or
    /// returns.
    pub fn no_arguments(&self) {
        self.request(None, &[]);
    }

    fn request<const N: usize>(
        &self,
        default: Option<&str>,
        extras: &[Extra; N],
    ) -> (Option<String>, [Option<OsString>; N]) {
        match parse(std::env::args_os().skip(1), default, extras) {
            Ok(Request::Run { address, extras }) => return (address, extras),
            Ok(Request::Help) => print_line!("{}", self.help(default, extras)),
            Ok(Request::Version) => print_line!("{} {}", self.name, self.version),
            Err(problem) => {
                note!("{}: {problem} (see --help)", self.name);
                exit(2);
            }
        }
        exit(0)
    }

    fn help(&self, default: Option<&str>, extras: &[Extra]) -> String {
        let Lesson { name, version, summary } = self;
        let mut usage = Vec::new();
        let mut rows = Vec::new();
        if let Some(default) = default {
            let address = if extras.is_empty() { "ADDRESS" } else { "[ADDRESS]" };
            usage.push(address.to_string());
            let server = format!("PORT or HOST:PORT of the server [default: {default}]");
            rows.push(("ADDRESS".to_string(), server));
            rows.push((
                String::new(),
                "A server takes any free port for port 0, and lets the".into(),
            ));
            rows.push((String::new(), "whole local network in on 0.0.0.0:3000.".into()));
        }
        for Extra { name, value, help, .. } in extras {
            usage.insert(0, format!("[--{name} {value}]"));
            rows.push((format!("--{name} {value}"), help.to_string()));
        }
        rows.push(("-h, --help".into(), "print this help".into()));
        rows.push(("-V, --version".into(), "print the version".into()));
        let width = rows.iter().map(|(left, _)| left.len()).max().unwrap_or_default();
        let rows: Vec<String> =
            rows.iter().map(|(left, right)| format!("  {left:width$}  {right}")).collect();
        let usage =
            if usage.is_empty() { String::new() } else { format!(" [-- {}]", usage.join(" ")) };
        format!(
            "{name} {version}\n{summary}\n\nUsage: cargo run -p {name}{usage}\n\n{}",
            rows.join("\n")
        )
    }
}

/// Reads the arguments, which are not the program's name. An address is allowed where there is a
/// default for it.
fn parse<const N: usize>(
    arguments: impl Iterator<Item = OsString>,
    default: Option<&str>,
    extras: &[Extra; N],
) -> Result<Request<N>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut address = None;
    let mut values = [const { None }; N];
    while let Some(argument) =
        parser.next().map_err(|error| format!("{:?} was not expected", error.to_string()))?
    {
        let extra = match argument {
            Arg::Long(option) => extras.iter().position(|extra| extra.name == option),
            _ => None,
        };
        match (argument, default) {
            (Arg::Short('h') | Arg::Long("help"), _) => return Ok(Request::Help),
            (Arg::Short('V') | Arg::Long("version"), _) => return Ok(Request::Version),
            (Arg::Value(value), Some(default)) if address.is_none() => {
                address = Some(host_and_port(&value.to_string_lossy(), default)?);
            }
            (Arg::Value(value), Some(_)) => {
                return Err(format!("{value:?} is one argument too many"));
            }
            (Arg::Value(value), None) => {
                return Err(format!("{value:?} was not expected: this lesson takes no argument"));
            }
            (option, _) => {
                let text = option_text(&option);
                let Some(index) = extra else {
                    return Err(format!("{text:?} was not expected"));
                };
                values[index] = Some(value_of(&extras[index], &mut parser)?);
            }
        }
    }
    Ok(Request::Run { address, extras: values })
}

fn value_of(extra: &Extra, parser: &mut lexopt::Parser) -> Result<OsString, String> {
    let Extra { name, value, check, .. } = extra;
    let given = parser.value().map_err(|_| format!("\"--{name}\" needs a value: {value}"))?;
    check(&given).map_err(|problem| format!("{given:?} is no {value} for --{name}: {problem}"))?;
    Ok(given)
}

fn option_text(option: &Arg<'_>) -> String {
    match option {
        Arg::Short(letter) => format!("-{letter}"),
        Arg::Long(name) => format!("--{name}"),
        Arg::Value(value) => value.to_string_lossy().into_owned(),
    }
}

/// Completes `PORT` with the host of `default`, and checks `HOST:PORT`. Does not look the host up.
///
/// # Errors
/// `argument` is neither: a sentence that quotes it.
pub fn host_and_port(argument: &str, default: &str) -> Result<String, String> {
    let is_port =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    // An IPv6 address has colons of its own, so it comes in brackets: [::1]:3000.
    let is_host = |text: &str| match text.strip_prefix('[') {
        Some(bracketed) => {
            bracketed.strip_suffix(']').is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => {
            !text.is_empty()
                && !text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
        }
    };
    match (argument.rsplit_once(':'), default.rsplit_once(':')) {
        (None, Some((host, _))) if is_port(argument) => Ok(format!("{host}:{argument}")),
        (Some((host, port)), _) if is_host(host) && is_port(port) => Ok(argument.to_string()),
        _ => Err(format!(
            "{argument:?} is not an address: give PORT or HOST:PORT, such as 3001 or {default}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str], default: Option<&str>) -> Result<Request<0>, String> {
        parse(arguments.iter().map(OsString::from), default, &[])
    }

    const EXTRAS: [Extra; 2] = [
        Extra { name: "file", value: "PATH", help: "send this", check: |_| Ok(()) },
        Extra { name: "size", value: "NUMBER", help: "how much", check: is_small },
    ];

    fn is_small(value: &OsString) -> Result<(), String> {
        if value == "1" { Ok(()) } else { Err("only 1 will do".to_string()) }
    }

    #[test]
    fn an_option_is_taken_only_by_a_lesson_that_says_so() {
        let with_extras =
            |arguments: &[&str]| parse(arguments.iter().map(OsString::from), Some("h:1"), &EXTRAS);
        let (address, extras) = (Some("h:2".to_string()), [Some("a b.png".into()), None]);
        assert_eq!(with_extras(&["--file", "a b.png", "2"]), Ok(Request::Run { address, extras }));
        let extras = [None, Some("1".into())];
        assert_eq!(with_extras(&["--size=1"]), Ok(Request::Run { address: None, extras }));
        let problem = with_extras(&["--file"]).expect_err("a path is missing");
        assert_eq!(problem, "\"--file\" needs a value: PATH");
        let problem = with_extras(&["--size", "2"]).expect_err("it is too large");
        assert_eq!(problem, "\"2\" is no NUMBER for --size: only 1 will do");
        let problem = parsed(&["--file", "x"], Some("h:1")).expect_err("no file");
        assert_eq!(problem, "\"--file\" was not expected");
    }

    #[test]
    fn help_has_a_row_for_each_option() {
        let lesson = Lesson { name: "lesson-x", version: "1.2.3", summary: "6.9 Something" };
        let help = lesson.help(Some("h:1"), &EXTRAS);
        assert!(
            help.contains(
                "Usage: cargo run -p lesson-x [-- [--size NUMBER] [--file PATH] [ADDRESS]]"
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
        for whole in ["0.0.0.0:3000", "localhost:80", "[::1]:3000", "[::]:0", "教室.example:3000"]
        {
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
    fn help_and_version_are_found_wherever_they_stand() {
        assert_eq!(parsed(&["3000", "--help"], Some("h:1")), Ok(Request::Help));
        assert_eq!(parsed(&["-h"], None), Ok(Request::Help));
        assert_eq!(parsed(&["--version"], None), Ok(Request::Version));
        assert_eq!(parsed(&["-V"], Some("h:1")), Ok(Request::Version));
    }

    #[test]
    fn every_other_argument_is_refused() {
        let refused =
            |arguments: &[&str], default| parsed(arguments, default).expect_err("a bad argument");
        assert_eq!(refused(&["1", "2"], Some("h:1")), "\"2\" is one argument too many");
        assert_eq!(refused(&["1"], None), "\"1\" was not expected: this lesson takes no argument");
        assert_eq!(refused(&["--port"], Some("h:1")), "\"--port\" was not expected");
        assert_eq!(refused(&["-p"], Some("h:1")), "\"-p\" was not expected");
    }

    #[test]
    fn help_names_the_package_the_section_and_the_default() {
        let lesson = Lesson { name: "lesson-x", version: "1.2.3", summary: "6.9 Something" };
        let help = lesson.help(Some("127.0.0.1:3000"), &[]);
        for part in [
            "lesson-x 1.2.3\n6.9 Something",
            "cargo run -p lesson-x [-- ADDRESS]",
            "[default: 127.0.0.1:3000]",
        ] {
            assert!(help.contains(part), "{help}");
        }
        assert!(!lesson.help(None, &[]).contains("ADDRESS"));
    }
}
