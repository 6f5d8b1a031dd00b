/** A trustee's forms, also those that a live page swaps in later. */
import { trusteeForms } from "../page/trustee_forms";

trusteeForms(document);
document.addEventListener("sunbid:part", (event) => trusteeForms(event.target as HTMLElement));
