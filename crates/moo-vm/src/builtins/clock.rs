//! The time of day. The clock itself is the host's.

use moo_model::{Raised, Value};

use super::{Args, row};
use crate::builtin::ArgType::Int;
use crate::builtin::{Builtin, Context};

const DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn time(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::int(ctx.host.now().floor() as i64))
}

fn ftime(ctx: &mut Context<'_>, _args: &[Value]) -> Result<Value, Raised> {
    Ok(Value::float(ctx.host.now()))
}

fn ctime(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, Raised> {
    let time = match args {
        [] => ctx.host.now().floor() as i64,
        _ => args.int(0)?,
    };
    let (offset, zone) = ctx.host.zone(time);
    Ok(Value::string(calendar_text(
        time.saturating_add(i64::from(offset)),
        &zone,
    )))
}

/// A time that already includes its zone's offset, in the style of C's `ctime()` with the zone's name.
fn calendar_text(local: i64, zone: &str) -> String {
    let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (year, month, day) = civil_date(days);
    // Day 0 was a Thursday.
    let weekday = WEEKDAYS[(days + 4).rem_euclid(7) as usize];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{weekday} {} {day:>2} {hour:02}:{minute:02}:{second:02} {year} {zone}",
        MONTHS[month]
    )
}

/// The year, month (from 0) and day of the month of a day counted from the first of 1970, in the Gregorian calendar.
///
/// Years are counted from March here, so that the leap day is the last of its year and months have a regular pattern.
fn civil_date(days: i64) -> (i64, usize, i64) {
    const ERA: i64 = 146_097;
    let since_march_0 = days + 719_468;
    let (era, day_of_era) = (since_march_0.div_euclid(ERA), since_march_0.rem_euclid(ERA));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    (year, month as usize, day)
}

#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    row("time", (0, 0), &[], time, "The seconds since the first of January 1970, UTC."),
    row("ftime", (0, 1), &[Int], ftime, "The same with fractions of a second."),
    row("ctime", (0, 1), &[Int], ctime, "A time, or now, as 28 characters of text in local time."),
];

#[cfg(test)]
mod tests {
    use super::calendar_text;

    #[test]
    fn dates_follow_the_gregorian_calendar() {
        for (time, expected) in [
            (0, "Thu Jan  1 00:00:00 1970 UTC"),
            (951_827_696, "Tue Feb 29 12:34:56 2000 UTC"),
            (951_868_800, "Wed Mar  1 00:00:00 2000 UTC"),
            (-1, "Wed Dec 31 23:59:59 1969 UTC"),
            (4_107_542_400, "Mon Mar  1 00:00:00 2100 UTC"),
        ] {
            assert_eq!(calendar_text(time, "UTC"), expected);
        }
        assert!(calendar_text(i64::MAX, "UTC").ends_with("UTC"));
        assert!(calendar_text(i64::MIN, "UTC").ends_with("UTC"));
    }
}
