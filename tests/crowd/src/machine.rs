//! Describes in words when and where something was measured.

use std::fs;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime};

/// Returns how many threads on average have run or waited for a processor in the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Returns one sentence with the date, the machine, the option of the command, and the `load`
/// before the measurement.
pub fn described(option: &str, took: Duration, load: Option<f64>) -> String {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    let processors = available_parallelism().map_or(1, usize::from);
    let load = load.map(|load| format!(", with a load of {load} before it began"));
    format!(
        "Measured on {} in {:.0} minutes, on {processors} processors ({}) with {}, {}, by\n\
         `cargo run --release -p crowd -- {option}`{}.",
        date(seconds),
        (took.as_secs_f64() / 60.0).ceil(),
        field("/proc/cpuinfo", "model name").unwrap_or("of an unknown kind".to_string()),
        memory().unwrap_or("an unknown amount of memory".to_string()),
        system().unwrap_or(std::env::consts::OS.to_string()),
        load.unwrap_or_default(),
    )
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

fn memory() -> Option<String> {
    let total = field("/proc/meminfo", "MemTotal")?;
    let kibibytes: f64 = total.split_whitespace().next()?.parse().ok()?;
    Some(format!("{:.0} GiB of memory", kibibytes / f64::from(1 << 20)))
}

fn system() -> Option<String> {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let number = version.trim().split('-').next()?;
    Some(format!("Linux {number}"))
}

/// Returns the day of a time in seconds since 1970, as YEAR-MONTH-DAY in UTC. Years are counted
/// from March here, so that a leap day is the last day of a year. After Howard Hinnant's
/// `civil_from_days`, <https://howardhinnant.github.io/date_algorithms.html>.
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[test]
fn days_are_told_as_in_the_calendar() {
    assert_eq!(date(0), "1970-01-01");
    assert_eq!(date(951_782_400), "2000-02-29");
    assert_eq!(date(951_868_800), "2000-03-01");
    assert_eq!(date(1_798_761_599), "2026-12-31");
}
