use super::rules::{CreditCode, CreditCodeProblem};

#[test]
fn the_check_character_of_real_codes_is_right() {
    // published codes of well-known public bodies and companies
    for code in ["91110000802100433B", "91330100799655058B"] {
        assert_eq!(CreditCode::parse(code).map(|c| c.to_string()), Ok(code.to_owned()), "{code}");
    }
}

#[test]
fn one_wrong_character_anywhere_is_found() {
    let code = "91110000802100433B";
    for place in 0..18 {
        for wrong in "0123456789ABCDEFGHJKLMNPQRTUWXY".chars() {
            let mut typed: Vec<char> = code.chars().collect();
            if typed[place] == wrong {
                continue;
            }
            typed[place] = wrong;
            let typed: String = typed.into_iter().collect();
            assert_eq!(CreditCode::parse(&typed), Err(CreditCodeProblem::Check), "{typed}");
        }
    }
}

#[test]
fn letters_that_the_standard_leaves_out_are_named() {
    assert_eq!(CreditCode::parse("9111000080210043IB"), Err(CreditCodeProblem::Character('I')));
    assert_eq!(CreditCode::parse("9111"), Err(CreditCodeProblem::Length(4)));
}
