/** The bid form and the page that follows it. */
import { forgetArrived, sealForm } from "../page/seal_form";
import { each } from "../page/words";

each<HTMLFormElement>("form[data-seal]", (form) => void sealForm(form));
each<HTMLElement>("[data-arrived]", (element) => void forgetArrived(element));
