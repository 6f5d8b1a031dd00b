/** The forms of the opening hall and of trustees, also those that a live page swaps in later. */
import { bidderKeyForms } from "../page/bidder_key_form";
import { trusteeForms } from "../page/trustee_forms";

function wire(root: ParentNode): void {
  trusteeForms(root);
  bidderKeyForms(root);
}

wire(document);
document.addEventListener("sunbid:part", (event) => wire(event.target as HTMLElement));
