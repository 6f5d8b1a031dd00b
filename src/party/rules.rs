//! The unified social credit code and what an organisation is.

use crate::platform::refusal::Refused;

/// Names an organisation in `Id<Organisation>`.
pub enum Organisation {}

/// A unified social credit code that was checked (GB 32100-2015).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreditCode(String);

/// The 31 characters of the code, in order of value: digits and letters without I, O, S, V, Z.
const CHARACTERS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

impl CreditCode {
    /// Reads a code: 18 characters of the standard's alphabet, the last one its check character. Lower case and
    /// blanks around it are forgiven.
    ///
    /// # Errors
    /// What is wrong with it: length, a character, or the check character (a typing error).
    pub fn parse(text: &str) -> Result<Self, CreditCodeProblem> {
        let code = text.trim().to_ascii_uppercase();
        if code.len() != 18 {
            return Err(CreditCodeProblem::Length(code.chars().count()));
        }
        let values: Vec<usize> = code
            .bytes()
            .map(|byte| {
                CHARACTERS
                    .iter()
                    .position(|c| *c == byte)
                    .ok_or(CreditCodeProblem::Character(char::from(byte)))
            })
            .collect::<Result<_, _>>()?;
        // weights are the powers of 3 modulo 31 (GB 32100-2015, 4.3)
        let mut weight = 1;
        let mut sum = 0;
        for value in values.iter().take(17) {
            sum += value * weight;
            weight = weight * 3 % 31;
        }
        if values.last() == Some(&((31 - sum % 31) % 31)) {
            Ok(Self(code))
        } else {
            Err(CreditCodeProblem::Check)
        }
    }

    /// The code whose first 17 characters are `body`; for examples and demonstrations.
    ///
    /// # Errors
    /// As [`CreditCode::parse`].
    pub fn complete(body: &str) -> Result<Self, CreditCodeProblem> {
        let tries = CHARACTERS.iter().map(|last| format!("{body}{}", char::from(*last)));
        let mut problem = CreditCodeProblem::Check;
        for code in tries {
            match Self::parse(&code) {
                Ok(code) => return Ok(code),
                Err(other) => problem = other,
            }
        }
        Err(problem)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for CreditCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a credit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditCodeProblem {
    Length(usize),
    Character(char),
    Check,
}

impl From<CreditCodeProblem> for Refused {
    fn from(problem: CreditCodeProblem) -> Self {
        let refused = match problem {
            CreditCodeProblem::Length(length) => {
                Refused::new(422, "party.refusal.code_length").with("length", length)
            }
            CreditCodeProblem::Character(character) => {
                Refused::new(422, "party.refusal.code_character").with("character", character)
            }
            CreditCodeProblem::Check => Refused::new(422, "party.refusal.code_check"),
        };
        refused.article("GB 32100-2015").field("credit_code")
    }
}

/// An organisation's name: 2 to 100 characters, no control characters.
///
/// # Errors
/// The name is empty, too long, or holds characters that can not be printed.
pub fn check_name(text: &str) -> Result<String, Refused> {
    let name = text.trim();
    let length = name.chars().count();
    if (2..=100).contains(&length) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(Refused::new(422, "party.refusal.name").field("organisation"))
    }
}
