//! Where a phone number is dialed.

use phonelib::{PhoneFormat, PhoneNumber, PhoneNumberType};

/// A region with a numbering plan of its own: what a number without a country's code means depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region(&'static str);

impl Region {
    /// The region of a number in international form, such as the export's owner has.
    ///
    /// ```
    /// use resonare_redaction::Region;
    ///
    /// assert!(Region::of_number("+49 170 1234567").is_some());
    /// assert!(Region::of_number("0170 1234567").is_none());
    /// ```
    pub fn of_number(number: &str) -> Option<Self> {
        let number = number.trim();
        let international = number
            .strip_prefix('+')
            .or_else(|| number.strip_prefix("00"))?;
        let digits = international.chars().filter(char::is_ascii_digit);
        let country =
            PhoneNumber::parse(&std::iter::once('+').chain(digits).collect::<String>())?.country();
        // Numbers of the whole world, of satellites for example, have no national form.
        (country.code != "001").then_some(Self(country.code))
    }

    /// Whether these digits, written in so many groups, are a number as it is dialed here.
    ///
    /// Where a plan has a prefix for its own numbers, such as the 0 of most, it has to be there: without, a number
    /// is any number. Mobile numbers are written without, but in groups.
    pub(crate) fn dials(self, digits: &str, groups: usize) -> bool {
        let Some(number) = PhoneNumber::parse_with_country(digits, self.0) else {
            return false;
        };
        let (mobile, national) = (number.is_mobile(), number.national_number());
        let known = number.phone_type() != PhoneNumberType::Unknown;
        let dialed = number.format(PhoneFormat::National);
        let as_dialed = dialed
            .chars()
            .filter(char::is_ascii_digit)
            .eq(digits.chars());
        if as_dialed && digits.len() > national.len() {
            return true;
        }
        // Ranges overlap, so that not all are known to be of a type; how it is written tells then.
        as_dialed && (known || groups > 1)
            || mobile && groups >= 2 && digits == national
            || mobile && number.e164().strip_prefix('+') == Some(digits)
            // Prefixes that a plan knows besides the one it writes.
            || known && digits.len() > national.len() && digits.ends_with(national) && digits.starts_with(['0', '8', '1'])
    }
}

/// Whether these digits, after a plus, are a number in some country's plan: of a range that is in use, or only of a
/// length that the plan has.
pub(crate) fn international(digits: &str) -> Option<InternationalNumber> {
    let number = PhoneNumber::parse(&format!("+{digits}"))?;
    Some(if number.phone_type() == PhoneNumberType::Unknown {
        InternationalNumber::Possible
    } else {
        InternationalNumber::InUse
    })
}

/// How certain it is that a number is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InternationalNumber {
    /// Its length is one of the plan's.
    Possible,
    /// Its range is known.
    InUse,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(number: &str) -> Region {
        Region::of_number(number).unwrap()
    }

    #[test]
    fn a_number_is_dialed_as_its_region_writes_it() {
        let germany = region("+49 170 1234567");
        assert!(germany.dials("01701234567", 2));
        assert!(germany.dials("03012345678", 1));
        assert!(!germany.dials("1701234567", 1), "any number of ten digits");
        assert!(germany.dials("1701234567", 3));
        let russia = region("+7 912 345-67-89");
        assert!(russia.dials("89123456789", 1));
        assert!(russia.dials("79123456789", 1));
        assert!(russia.dials("9123456789", 2));
        assert!(!russia.dials("9123456789", 1));
        let states = region("+1 202 555 0173");
        assert!(states.dials("2025550173", 3));
        assert!(states.dials("12025550173", 4));
        assert!(!states.dials("1700000000", 1), "a time stamp");
        let spain = region("+34612345678");
        assert!(spain.dials("612345678", 1));
        let italy = region("+39 347 1234567");
        assert!(italy.dials("0612345678", 2));
        assert!(italy.dials("3471234567", 2));
    }

    #[test]
    fn only_a_number_in_international_form_tells_its_region() {
        assert_eq!(Region::of_number("0170 1234567"), None);
        assert_eq!(Region::of_number(""), None);
        assert_eq!(Region::of_number("+870 773 111 632"), None);
        assert_eq!(
            Region::of_number("0049 170 1234567"),
            Region::of_number("+491701234567")
        );
    }
}
