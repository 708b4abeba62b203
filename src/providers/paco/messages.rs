//! The messages of PACO's endpoints: their schemas, and the typed requests that the business reads.

use serde::{Deserialize, Serialize};

use super::constants::{MAX_OFFICE_ID, MAX_ORDER_NO, MAX_PRODUCT_DESCRIPTION, MAX_URL};
use super::fields::Kind::{
    Amount, Any, Boolean, CardExpiry, CardNumber, Cvv, DateTime, Flag, Integer, List, Object,
    Scalar, Text, Url,
};
use super::fields::{Member, optional, required};

/// Longest free text where no source gives a length.
const FREE: usize = 4000;

static API_REQUEST: &[Member] = &[
    required("requestMessageID", Text(64)),
    optional("requestDateTime", DateTime),
    optional("language", Text(16)),
];

static NOTIFICATION_URLS: &[Member] = &[
    required("confirmationURL", Url(MAX_URL)),
    required("failedURL", Url(MAX_URL)),
    required("cancellationURL", Url(MAX_URL)),
    required("backendURL", Url(MAX_URL)),
];

static STORE_CARD_DETAILS: &[Member] =
    &[optional("storeCardFlag", Flag), optional("storedCardUniqueID", Text(FREE))];

static INSTALLMENT_DETAILS: &[Member] = &[
    optional("ippFlag", Flag),
    optional("installmentPeriod", Integer),
    optional("interestType", Text(FREE)),
];

static RECURRING_DETAILS: &[Member] = &[optional("rppFlag", Flag)];

static CREDIT_CARD_DETAILS: &[Member] = &[
    optional("cardNumber", CardNumber),
    optional("cardExpiryMMYY", CardExpiry),
    optional("cvvCode", Cvv),
    optional("payerName", Text(FREE)),
    optional("cardHolderName", Text(FREE)),
    optional("cardType", Text(FREE)),
];

static DEVICE_DETAILS: &[Member] = &[
    optional("browserIp", Text(FREE)),
    optional("browser", Text(FREE)),
    optional("browserUserAgent", Text(FREE)),
    optional("mobileDeviceFlag", Flag),
    optional("browserAcceptHeader", Text(FREE)),
    optional("browserJavaEnabled", Scalar),
    optional("browserLanguage", Scalar),
    optional("browserColorDepth", Scalar),
    optional("browserScreenHeight", Scalar),
    optional("browserScreenWidth", Scalar),
    optional("browserTZ", Scalar),
    optional("deviceCategory", Text(FREE)),
    optional("userAgent", Text(FREE)),
];

static BROWSER_INFO: &[Member] = &[
    optional("acceptHeader", Text(FREE)),
    optional("ip", Text(FREE)),
    optional("javascriptEnabled", Boolean),
    optional("javaEnabled", Boolean),
    optional("language", Scalar),
    optional("colorDepth", Scalar),
    optional("screenHeight", Scalar),
    optional("screenWidth", Scalar),
    optional("timeZone", Scalar),
    optional("userAgent", Text(FREE)),
];

static PURCHASE_ITEM: &[Member] = &[
    optional("purchaseItemType", Text(FREE)),
    optional("referenceNo", Text(FREE)),
    optional("purchaseItemDescription", Text(FREE)),
    // Prices and currencies of items need not fit the transaction: demo bodies differ and pass.
    optional("purchaseItemPrice", Amount),
    optional("subMerchantID", Text(FREE)),
    optional("passengerSeqNo", Integer),
];

static CUSTOM_FIELD: &[Member] =
    &[optional("fieldName", Text(FREE)), optional("fieldValue", Scalar)];

static PERSON_NAME: &[Member] = &[
    optional("fullName", Text(FREE)),
    optional("title", Text(FREE)),
    optional("firstName", Text(FREE)),
    optional("middleName", Text(FREE)),
    optional("lastName", Text(FREE)),
];

static GENERAL_PAYER: &[Member] = &[
    optional("personType", Text(FREE)),
    optional("seqNo", Scalar),
    optional("personName", Object(PERSON_NAME)),
    optional("email", Text(FREE)),
    optional("mobilePhone", Text(FREE)),
    optional("mobilePhoneCountryCode", Text(FREE)),
    optional("businessPhone", Text(FREE)),
];

static BILLING_ADDRESS: &[Member] = &[
    optional("billAddrCity", Text(FREE)),
    optional("billAddrCountry", Text(FREE)),
    optional("billAddrLine1", Text(FREE)),
    optional("billAddrLine2", Text(FREE)),
    optional("billAddrLine3", Text(FREE)),
    optional("billAddrPostCode", Text(FREE)),
    optional("billAddrState", Text(FREE)),
    optional("addrMatch", Scalar),
];

static SHIPPING_ADDRESS: &[Member] = &[
    optional("shipAddrCity", Text(FREE)),
    optional("shipAddrCountry", Text(FREE)),
    optional("shipAddrLine1", Text(FREE)),
    optional("shipAddrLine2", Text(FREE)),
    optional("shipAddrLine3", Text(FREE)),
    optional("shipAddrPostCode", Text(FREE)),
    optional("shipAddrState", Text(FREE)),
];

static BOOKING_REFERENCE: &[Member] =
    &[optional("pnrCode", Text(FREE)), optional("bookingDateTime", DateTime)];

static FLIGHT_SEGMENT: &[Member] = &[
    optional("sequenceNo", Scalar),
    optional("marketingAirlineCode", Text(FREE)),
    optional("marketingFlightNo", Text(FREE)),
    optional("operatingAirlineCode", Text(FREE)),
    optional("operatingflightNo", Text(FREE)),
    optional("departure", Any),
    optional("arrival", Any),
];

static AIRLINE_DATA: &[Member] = &[
    optional("bookingReference", Object(BOOKING_REFERENCE)),
    optional("agency", Any),
    optional("flightSegments", List(&Object(FLIGHT_SEGMENT))),
    optional("tickets", List(&Any)),
    optional("passengers", List(&Any)),
];

/// `Payment/prePaymentUi` and `Payment/nonUi`: the same members; what a direct payment demands of
/// them beyond that stands with its other rules.
pub(super) static PAYMENT: &[Member] = &[
    required("apiRequest", Object(API_REQUEST)),
    required("officeId", Text(MAX_OFFICE_ID)),
    required("orderNo", Text(MAX_ORDER_NO)),
    required("productDescription", Text(MAX_PRODUCT_DESCRIPTION)),
    optional("paymentType", Text(32)),
    optional("paymentCategory", Text(32)),
    optional("preferredPaymentTypes", List(&Text(32))),
    optional("channelCode", Text(FREE)),
    optional("agentCode", Text(FREE)),
    optional("creditCardDetails", Object(CREDIT_CARD_DETAILS)),
    optional("storeCardDetails", Object(STORE_CARD_DETAILS)),
    optional("installmentPaymentDetails", Object(INSTALLMENT_DETAILS)),
    optional("recurringPaymentDetails", Object(RECURRING_DETAILS)),
    optional("mcpFlag", Flag),
    optional("preferredMcpType", Text(FREE)),
    optional("request3dsFlag", Flag),
    required("transactionAmount", Amount),
    required("notificationURLs", Object(NOTIFICATION_URLS)),
    optional("browserInfo", Object(BROWSER_INFO)),
    optional("deviceDetails", Object(DEVICE_DETAILS)),
    optional("purchaseItems", List(&Object(PURCHASE_ITEM))),
    optional("purchaseItemize", List(&Object(PURCHASE_ITEM))),
    optional("customFieldList", List(&Object(CUSTOM_FIELD))),
    optional("generalPayerDetails", Object(GENERAL_PAYER)),
    optional("billingAddress", Object(BILLING_ADDRESS)),
    optional("shippingAddress", Object(SHIPPING_ADDRESS)),
    optional("autoRedirectDelayTimer", Integer),
    optional("paymentExpiryDateTime", DateTime),
    optional("terminalID", Text(FREE)),
    optional("airlineData", Object(AIRLINE_DATA)),
];

/// `Void`, in both shapes that are seen.
pub(super) static VOID: &[Member] = &[
    optional("apiRequest", Object(API_REQUEST)),
    required("officeId", Text(MAX_OFFICE_ID)),
    required("orderNo", Text(MAX_ORDER_NO)),
    optional("productDescription", Text(MAX_PRODUCT_DESCRIPTION)),
    optional("issuerApprovalCode", Text(FREE)),
    optional("invoiceNo2C2P", Text(FREE)),
    optional("actionBy", Text(FREE)),
    optional("cancellationReason", Text(FREE)),
    // One working client sends no amount: the whole approved amount is meant.
    optional("voidAmount", Amount),
];

/// `Settlement`, in both shapes that are seen.
pub(super) static SETTLEMENT: &[Member] = &[
    optional("apiRequest", Object(API_REQUEST)),
    required("officeId", Text(MAX_OFFICE_ID)),
    required("orderNo", Text(MAX_ORDER_NO)),
    optional("productDescription", Text(MAX_PRODUCT_DESCRIPTION)),
    optional("issuerApprovalCode", Text(FREE)),
    optional("invoiceNo2C2P", Text(FREE)),
    optional("actionBy", Text(FREE)),
    required("settlementAmount", Amount),
];

static USER: &[Member] = &[required("username", Text(FREE)), optional("email", Text(FREE))];

static MAKER_CHECKER: &[Member] =
    &[required("maker", Object(USER)), optional("checker", Object(USER))];

/// No source shows a filled element: these names are a guess after `purchaseItems` (assumed).
static REFUND_ITEM: &[Member] = &[
    optional("referenceNo", Text(FREE)),
    optional("refundItemAmount", Amount),
    optional("subMerchantID", Text(FREE)),
];

/// `Refund/refund`, in both shapes that are seen.
pub(super) static REFUND: &[Member] = &[
    optional("apiRequest", Object(API_REQUEST)),
    required("officeId", Text(MAX_OFFICE_ID)),
    required("orderNo", Text(MAX_ORDER_NO)),
    optional("productDescription", Text(MAX_PRODUCT_DESCRIPTION)),
    required("refundAmount", Amount),
    optional("refundItems", List(&Object(REFUND_ITEM))),
    required("localMakerChecker", Object(MAKER_CHECKER)),
];

static ADVANCED_SEARCH: &[Member] = &[
    optional("controllerInternalID", Text(64)),
    optional("officeId", List(&Text(MAX_OFFICE_ID))),
    optional("orderNo", List(&Text(MAX_ORDER_NO))),
    optional("invoiceNo2C2P", Text(64)),
    optional("fromDate", DateTime),
    optional("toDate", DateTime),
    optional("amountFrom", Scalar),
    optional("amountTo", Scalar),
    optional("paymentStatus", List(&Text(8))),
];

/// `Inquiry/transactionList`.
pub(super) static TRANSACTION_LIST: &[Member] = &[
    required("apiRequest", Object(API_REQUEST)),
    required("advSearchParams", Object(ADVANCED_SEARCH)),
];

/// The query of `Inquiry/transactionStatus`. Its other parameters are accepted and not looked at.
pub(super) static TRANSACTION_STATUS: &[Member] = &[required("orderNo", Text(MAX_ORDER_NO))];

/// An amount as it stands in messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageAmount {
    pub amount_text: String,
    pub currency_code: String,
    pub decimal_places: u8,
    pub amount: serde_json::Number,
}

impl MessageAmount {
    /// Minor units. Binding has seen to it that the text is twelve digits.
    pub(super) fn minor(&self) -> u64 {
        self.amount_text.parse().unwrap_or(0)
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.minor() == other.minor()
            && self.currency_code == other.currency_code
            && self.decimal_places == other.decimal_places
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct NotificationUrls {
    #[serde(rename = "confirmationURL")]
    pub confirmation: String,
    #[serde(rename = "failedURL")]
    pub failed: String,
    #[serde(rename = "cancellationURL")]
    pub cancellation: String,
    #[serde(rename = "backendURL")]
    pub backend: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreditCardDetails {
    pub card_number: Option<String>,
    #[serde(rename = "cardExpiryMMYY")]
    pub card_expiry_mmyy: Option<String>,
    pub payer_name: Option<String>,
    pub card_holder_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoreCardDetails {
    pub store_card_flag: Option<String>,
    #[serde(rename = "storedCardUniqueID")]
    pub stored_card_unique_id: Option<String>,
}

/// How a payment is paid off, as the request says it and the answer repeats it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instalments {
    pub ipp_flag: Option<String>,
    pub installment_period: Option<i64>,
    pub interest_type: Option<String>,
}

/// What is kept of a purchased item: what a refund of items needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PurchaseItem {
    pub reference_no: Option<String>,
    pub purchase_item_price: Option<MessageAmount>,
    #[serde(rename = "subMerchantID")]
    pub sub_merchant_id: Option<String>,
}

/// The payer without members that no source knows: what they hold would be kept and told again.
pub(super) fn only_known_payer(payer: serde_json::Value) -> serde_json::Value {
    only_known(payer, GENERAL_PAYER)
}

fn only_known(value: serde_json::Value, schema: &'static [Member]) -> serde_json::Value {
    let serde_json::Value::Object(members) = value else {
        return value;
    };
    let known = members.into_iter().filter_map(|(name, value)| {
        let member = schema.iter().find(|member| member.name == name)?;
        Some(match member.kind {
            Object(schema) => (name, only_known(value, schema)),
            _ => (name, value),
        })
    });
    serde_json::Value::Object(known.collect())
}

/// What both payment endpoints read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub office_id: String,
    pub order_no: String,
    pub product_description: String,
    pub payment_type: Option<String>,
    pub preferred_payment_types: Option<Vec<String>>,
    pub channel_code: Option<String>,
    pub agent_code: Option<String>,
    #[serde(default)]
    pub credit_card_details: CreditCardDetails,
    #[serde(default)]
    pub store_card_details: StoreCardDetails,
    pub installment_payment_details: Option<Instalments>,
    pub mcp_flag: Option<String>,
    #[serde(rename = "request3dsFlag")]
    pub request_3ds_flag: Option<String>,
    #[serde(default, alias = "purchaseItemize")]
    pub purchase_items: Vec<PurchaseItem>,
    pub general_payer_details: Option<serde_json::Value>,
    pub transaction_amount: MessageAmount,
    #[serde(rename = "notificationURLs")]
    pub notification_urls: NotificationUrls,
    pub auto_redirect_delay_timer: Option<i64>,
    pub payment_expiry_date_time: Option<String>,
}

/// What `Void` reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Void {
    pub office_id: String,
    pub order_no: String,
    pub void_amount: Option<MessageAmount>,
}

/// What `Settlement` reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settlement {
    pub office_id: String,
    pub order_no: String,
    pub settlement_amount: MessageAmount,
}

/// What `Refund/refund` reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub office_id: String,
    pub order_no: String,
    pub refund_amount: MessageAmount,
    #[serde(default)]
    pub refund_items: Vec<RefundItem>,
    pub local_maker_checker: MakerChecker,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundItem {
    pub reference_no: Option<String>,
    pub refund_item_amount: Option<MessageAmount>,
    #[serde(rename = "subMerchantID")]
    pub sub_merchant_id: Option<String>,
}

/// Who asks for a refund, and who has approved it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct MakerChecker {
    pub maker: User,
    pub checker: Option<User>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub username: String,
}

/// What `Inquiry/transactionList` reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionList {
    pub adv_search_params: AdvancedSearch,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdvancedSearch {
    #[serde(rename = "controllerInternalID")]
    pub controller_internal_id: Option<String>,
    #[serde(default)]
    pub office_id: Vec<String>,
    #[serde(default)]
    pub order_no: Vec<String>,
    #[serde(rename = "invoiceNo2C2P")]
    pub invoice_no: Option<String>,
    pub from_date: Option<String>,
    pub to_date: Option<String>,
    pub amount_from: Option<serde_json::Value>,
    pub amount_to: Option<serde_json::Value>,
    #[serde(default)]
    pub payment_status: Vec<String>,
}

/// What `transactionStatus` reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionStatus {
    pub order_no: String,
}
