//! The usual mistakes of PACO integrations as data, which the search, the explanation and the
//! documentation share. Their order is that of the documentation.

use crate::diagnosis::mistakes::mistakes;

mistakes! {
    "the token and the form of the message" {
        DAMAGED_ACCESS_TOKEN: "paco.damaged_access_token",
            "The access token was changed on its way into the header";
        BEARER_TOKEN: "paco.bearer_token", "The access token was sent as a bearer token";
        TOKEN_IN_QUERY: "paco.token_in_query", "The access token was sent in the query";
        JOSE_ON_INQUIRY: "paco.jose_on_inquiry",
            "JOSE was applied to transactionStatus, which is never sealed";
        JOSE_SENT_AS_JSON: "paco.jose_sent_as_json",
            "A sealed body was declared as application/json";
        JSON_SENT_AS_JOSE: "paco.json_sent_as_jose",
            "A plain JSON body was declared as application/jose";
        JOSE_WRAPPED_IN_JSON: "paco.jose_wrapped_in_json",
            "The sealed message was wrapped in a JSON object";
        DAMAGED_TOKEN_TEXT: "paco.damaged_token_text",
            "The token's text was damaged on its way into the body";
        REQUEST_WRAPPED_IN_JSON: "paco.request_wrapped_in_json",
            "A plain JSON body was wrapped in request";
    }
    "the layers" {
        LAYERS_IN_WRONG_ORDER: "paco.layers_in_wrong_order",
            "The layers are in the wrong order: encrypted first, then signed";
        ENCRYPTION_MISSING: "paco.encryption_missing",
            "The encryption is missing: the body is only signed";
        SIGNATURE_MISSING: "paco.signature_missing",
            "The signature is missing: the claims are only encrypted";
        LAYER_TWICE: "paco.layer_twice", "One layer was applied twice";
        JSON_SERIALIZATION: "paco.json_serialization",
            "A layer is in JOSE's JSON serialization instead of the compact one";
        DAMAGED_INNER_TOKEN: "paco.damaged_inner_token",
            "The signed token was changed before it was encrypted";
        V4_TOKEN: "paco.v4_token",
            "A single HS256 token was sent, as another product of 2C2P takes it";
        V4_NAMES: "paco.v4_names", "The members are those of another product of 2C2P";
    }
    "keys and algorithms" {
        WRONG_KEY_ENCRYPTION: "paco.wrong_key_encryption",
            "The content key is encrypted with another algorithm than RSA-OAEP";
        ENCRYPTED_TO_SIGNING_KEY: "paco.encrypted_to_signing_key",
            "The message is encrypted to PACO's signing key instead of its encryption key";
        ENCRYPTED_TO_OWN_KEY: "paco.encrypted_to_own_key",
            "The message is encrypted to the merchant's own key instead of PACO's";
        ENVIRONMENTS_MIXED_UP: "paco.environments_mixed_up", "UAT and PRD are mixed up";
        KID_MISSING: "paco.kid_missing", "The JWE header has no kid, or an empty one";
        KID_OF_THE_EXAMPLE: "paco.kid_of_the_example",
            "kid is the one that the documents' example shows";
        KID_MISSPELT: "paco.kid_misspelt", "kid is written in another way than PACO gives it out";
        ALG_NONE: "paco.alg_none", "The message is not signed: alg is none";
        HMAC_SIGNATURE: "paco.hmac_signature",
            "The message is signed with a shared secret instead of an RSA key";
        SIGNED_WITH_ENCRYPTION_KEY: "paco.signed_with_encryption_key",
            "The message is signed with the merchant's encryption key";
        SIGNED_WITH_DEMO_KEY: "paco.signed_with_demo_key",
            "The message is signed with the demo key, while the merchant has keys of its own";
        OTHER_ALGORITHM_THAN_DECLARED: "paco.other_algorithm_than_declared",
            "The signature was made with another algorithm than the header says";
        SIGNED_OTHER_TEXT: "paco.signed_other_text",
            "The right key signed another text than header.payload";
        MISSPELT_TYP: "paco.misspelt_typ", "The JWS header says type instead of typ";
    }
    "claims and time" {
        WRONG_ISSUER: "paco.wrong_issuer", "iss is not the access token";
        WRONG_AUDIENCE: "paco.wrong_audience", "aud is not PacoAudience";
        NOT_WRAPPED_IN_REQUEST: "paco.not_wrapped_in_request",
            "The payload is not wrapped in request";
        REQUEST_AS_TEXT: "paco.request_as_text", "The claim request is JSON inside a string";
        WRONG_TIME_UNIT: "paco.wrong_time_unit", "A time is not in seconds";
        TIME_AS_TEXT: "paco.time_as_text", "A time is a string instead of a number";
        MOVED_DATE: "paco.moved_date",
            "One date object was moved to exp before iat or nbf was read from it";
        LOCAL_TIME: "paco.local_time", "A time is local time taken for UTC";
        EXPIRED: "paco.expired", "The message has expired";
        NOT_YET_VALID: "paco.not_yet_valid", "The message is not valid yet";
    }
    "members of the request" {
        AMOUNT_TEXT_NOT_MULTIPLIED: "paco.amount_text_not_multiplied",
            "amountText is in major units, only padded";
        AMOUNT_TEXT_OF_A_FLOAT: "paco.amount_text_of_a_float",
            "amountText is a floating-point number as it prints itself";
        AMOUNT_TEXT_LENGTH: "paco.amount_text_length", "amountText is not padded to 12 digits";
        AMOUNT_ROUNDED: "paco.amount_rounded",
            "amountText and amount differ by floating-point rounding";
        AMOUNT_IN_MINOR_UNITS: "paco.amount_in_minor_units",
            "amount is in minor units, as amountText is";
        WRONG_DECIMAL_PLACES: "paco.wrong_decimal_places",
            "amount and amountText fit another decimalPlaces than the one sent";
        NAMES_IN_ANOTHER_CASE: "paco.names_in_another_case",
            "Names are spelt in another case, as code generators do it";
        MISSPELT_NAME: "paco.misspelt_name", "A member's name is misspelt";
        MEMBER_ELSEWHERE: "paco.member_elsewhere", "A member stands in the wrong object";
        NUMBER_AS_TEXT: "paco.number_as_text", "A number is sent as a string";
        TEXT_AS_NUMBER: "paco.text_as_number", "A string is sent as a number";
        FLAG_IN_ANOTHER_FORM: "paco.flag_in_another_form", "A flag is not \"Y\" or \"N\"";
        LIST_OR_SINGLE: "paco.list_or_single", "A list and a single value are mixed up";
        OBJECT_AS_TEXT: "paco.object_as_text", "An object is sent as JSON inside a string";
        DATE_IN_ANOTHER_FORM: "paco.date_in_another_form",
            "A date is not in the form of ISO 8601";
        CURRENCY_IN_ANOTHER_FORM: "paco.currency_in_another_form",
            "A currency is not the three capital letters of ISO 4217";
        CARD_EXPIRY_IN_ANOTHER_FORM: "paco.card_expiry_in_another_form",
            "A card's expiry is not MMYY";
        URL_WITHOUT_SCHEME: "paco.url_without_scheme", "A URL has no https:// in front";
        KEYED_BY_INVOICE_NO: "paco.keyed_by_invoice_no",
            "The order is named by invoiceNo2C2P instead of orderNo";
        REFUND_DETAILS_WRAPPER: "paco.refund_details_wrapper",
            "The members of a refund are wrapped in refundDetails";
        REFUND_MAKER_MISSING: "paco.refund_maker_missing",
            "A refund names no maker in localMakerChecker";
        ITEM_PRICE_OF_THE_DEMO: "paco.item_price_of_the_demo",
            "The item's price is still the 1.00 of the sample code";
    }
    "the business" {
        ORDER_NO_REUSED: "paco.order_no_reused", "An order number was reused";
        REFUND_BEFORE_SETTLEMENT: "paco.refund_before_settlement",
            "A payment was to be refunded before it was settled";
        ALREADY_SETTLED: "paco.already_settled", "The payment is settled already";
        ALREADY_VOIDED: "paco.already_voided", "The payment is voided already";
        ALREADY_REFUNDED: "paco.already_refunded",
            "The payment is refunded already, or its refund is under review";
        NOT_APPROVED: "paco.not_approved",
            "The payment never was approved, or is not approved yet";
        ORDER_OF_ANOTHER_OFFICE: "paco.order_of_another_office",
            "The order belongs to another office of the merchant";
        ORDER_NO_MISSPELT: "paco.order_no_misspelt",
            "The order number differs from a known one in case, blanks, dashes or zeros only";
        OFFICE_ID_MISSPELT: "paco.office_id_misspelt",
            "officeId is written in another way, or is no office at all";
    }
}
