//! Calendar times as tokens write them: RFC 3339, UTC, whole seconds.
//!
//! Invariant: one time has one text, `2026-01-31T23:59:59Z`, and only such texts are read.

use super::Wall;

const DAY: u64 = 86_400;
/// Days from the first of March of the year 0 to the first day of 1970.
const DAYS_TO_1970: u64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const ERA: u64 = 146_097;

/// Writes a time. Years count from March here, so that the leap day is the last of its year.
pub(super) fn to_text(time: Wall) -> String {
    let (days, rest) = (time.secs() / DAY + DAYS_TO_1970, time.secs() % DAY);
    let (era, day) = (days / ERA, days % ERA);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads what [`to_text`] writes, for years up to 9999; `None` for any other text.
pub(super) fn from_text(text: &str) -> Option<Wall> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let march_year = year - u64::from(month <= 2);
    let (era, year_of_era) = (march_year / 400, march_year % 400);
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let days = era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let secs = days.checked_sub(DAYS_TO_1970)? * DAY + hour * 3_600 + minute * 60 + second;
    let time = Wall::from_secs(secs);
    // Writing it again refuses whatever is not exactly our form: a thirteenth hour twice, a 30th of February.
    (to_text(time) == text).then_some(time)
}
