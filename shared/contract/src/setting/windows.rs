//! `cache.snapshotWindow` and `cache.maintenanceWindow`: when ElastiCache takes the daily backup, and when it maintains the
//! cache.

use crate::checked::{Check, checked_text, require};

checked_text!(
    /// When the daily backup begins and should end, in UTC
    /// ([automatic backups](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-automatic.html)).
    SnapshotWindow,
    snapshot_window,
    rule "`hh:mm-hh:mm` in UTC, at least 60 minutes. It may cross midnight.",
    schema { "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$" }
);
checked_text!(
    /// When ElastiCache maintains the cache, in UTC
    /// ([maintenance window](https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/maintenance-window.html)). ElastiCache
    /// returns it in lowercase.
    MaintenanceWindow,
    maintenance_window,
    rule "`ddd:hh:mm-ddd:hh:mm` in UTC, in lowercase, 60 minutes to 24 hours. It may cross midnight.",
    schema {
        "pattern": "^(sun|mon|tue|wed|thu|fri|sat):([01][0-9]|2[0-3]):[0-5][0-9]-(sun|mon|tue|wed|thu|fri|sat):([01][0-9]|2[0-3]):[0-5][0-9]$"
    }
);

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
/// The shortest window, in minutes.
const SHORTEST: u32 = 60;

/// A part of a day or of a week, in minutes since its beginning.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: u32,
    length: u32,
}

impl Span {
    /// Returns the span from one time to another, which may be in the next period.
    const fn new(begin: u32, end: u32, period: u32) -> Self {
        Self {
            begin,
            length: (end + period - begin) % period,
        }
    }

    /// Returns whether two spans of a week overlap.
    fn overlaps(self, other: Self) -> bool {
        let after = |from: u32, to: u32| (to + WEEK - from) % WEEK;
        after(self.begin, other.begin) < self.length
            || after(other.begin, self.begin) < other.length
    }
}

/// Checks that the two windows don't overlap on any day of the week. ElastiCache rejects windows that do, even if backups
/// are off: "The snapshot window and maintenance window must not overlap."
/// (<https://github.com/hashicorp/terraform/issues/17247>).
pub(crate) fn check_overlap(snapshot: &SnapshotWindow, maintenance: &MaintenanceWindow) -> Check {
    let (Some(daily), Some(weekly)) = (daily(snapshot.as_str()), weekly(maintenance.as_str()))
    else {
        return Ok(());
    };
    let overlaps = (0..7).any(|day| {
        let on_day = Span {
            begin: day * DAY + daily.begin,
            ..daily
        };
        on_day.overlaps(weekly)
    });
    require(
        !overlaps,
        format!(
            "`{snapshot}` overlaps `cache.maintenanceWindow`, which is `{maintenance}`: ElastiCache takes no backup \
             during maintenance"
        ),
    )
}

fn snapshot_window(text: &str) -> Check {
    let Some(span) = daily(text) else {
        return Err("is not a window such as `05:00-06:00`".to_owned());
    };
    require(span.length >= SHORTEST, "must be at least 60 minutes long")
}

fn maintenance_window(text: &str) -> Check {
    let Some(span) = weekly(text) else {
        return Err("is not a window such as `sun:23:00-mon:01:30`, in lowercase".to_owned());
    };
    require(
        (SHORTEST..=DAY).contains(&span.length),
        "must be 60 minutes to 24 hours long",
    )
}

/// Parses a window such as `05:00-06:00`.
fn daily(text: &str) -> Option<Span> {
    let (begin, end) = text.split_once('-')?;
    Some(Span::new(time(begin)?, time(end)?, DAY))
}

/// Parses a window such as `sun:23:00-mon:01:30`.
fn weekly(text: &str) -> Option<Span> {
    let (begin, end) = text.split_once('-')?;
    Some(Span::new(day_and_time(begin)?, day_and_time(end)?, WEEK))
}

fn day_and_time(text: &str) -> Option<u32> {
    let (day, clock) = text.split_once(':')?;
    let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let day = (0..).zip(days).find(|(_, name)| *name == day)?.0;
    Some(day * DAY + time(clock)?)
}

/// Parses a time such as `05:00`, in minutes.
fn time(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, limit: u32| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = text.parse().ok().filter(|_| is_two_digits)?;
        (number < limit).then_some(number)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

#[cfg(test)]
mod tests {
    use super::{
        MaintenanceWindow, SnapshotWindow, check_overlap, maintenance_window, snapshot_window,
    };
    use crate::checked::assert_checks;

    #[test]
    fn checks_format_and_length_of_snapshot_windows() {
        assert_checks(
            snapshot_window,
            &[
                ("05:00-06:00", ""),
                ("23:30-00:30", ""),
                ("00:00-23:59", ""),
                ("05:00-05:59", "at least 60 minutes"),
                ("05:00-05:00", "at least 60 minutes"),
                ("5:00-06:00", "not a window"),
                ("05:00-24:00", "not a window"),
                ("05:60-07:00", "not a window"),
                ("05:00", "not a window"),
                ("+5:00-06:00", "not a window"),
                ("sun:05:00-sun:06:00", "not a window"),
            ],
        );
    }

    #[test]
    fn checks_format_and_length_of_maintenance_windows() {
        assert_checks(
            maintenance_window,
            &[
                ("sun:23:00-mon:01:30", ""),
                ("sun:23:00-mon:00:00", ""),
                ("sat:23:00-sun:00:00", ""),
                ("mon:05:00-tue:05:00", ""),
                ("mon:05:00-tue:05:01", "60 minutes to 24 hours"),
                ("sun:23:00-sun:23:59", "60 minutes to 24 hours"),
                ("sun:05:00-sun:05:00", "60 minutes to 24 hours"),
                ("Sun:05:00-Sun:06:00", "not a window"),
                ("son:05:00-son:06:00", "not a window"),
                ("05:00-06:00", "not a window"),
            ],
        );
    }

    #[test]
    fn windows_must_not_overlap_on_any_day() {
        let cases = [
            ("05:00-06:00", "sun:06:00-sun:07:00", false),
            ("05:00-06:00", "sun:04:00-sun:05:00", false),
            ("05:00-06:00", "wed:05:30-wed:06:30", true),
            ("05:00-09:00", "wed:06:00-wed:07:00", true),
            ("05:00-06:00", "wed:04:00-wed:08:00", true),
            ("23:30-00:30", "mon:00:00-mon:01:00", true),
            ("23:30-00:30", "sun:00:00-sun:01:00", true),
            ("23:30-00:30", "sat:22:00-sat:23:30", false),
            ("00:00-01:00", "sat:23:00-sun:00:30", true),
            ("05:00-06:00", "mon:10:00-tue:10:00", true),
        ];
        for (snapshot, maintenance, expected) in cases {
            let snapshot = SnapshotWindow::try_from(snapshot.to_owned()).expect(snapshot);
            let maintenance =
                MaintenanceWindow::try_from(maintenance.to_owned()).expect(maintenance);

            let found = check_overlap(&snapshot, &maintenance);

            assert_eq!(
                found.is_err(),
                expected,
                "{snapshot} and {maintenance}: {found:?}"
            );
        }
    }
}
