/** The page of the signing key. */
import { keyPanel } from "../page/key_page";
import { each } from "../page/words";

each<HTMLElement>("[data-key-enrol]", keyPanel);
