/** Posting a form without leaving the page. */

/** The server said no (or broke); the sentence is the server's own. */
export class Refused extends Error {
  constructor(readonly status: number, sentence: string) {
    super(sentence);
  }
}

/**
 * Posts the named fields of a form and returns the JSON of the answer. A refusal page is read for its sentence
 * (`[data-refusal]`, or its first heading): XMLHttpRequest can do that without handing text to an HTML parser ourselves.
 */
export function postForm(form: HTMLFormElement): Promise<unknown> {
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") body.append(name, value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json, text/html;q=0.5");
    request.onreadystatechange = () => {
      if (request.readyState === XMLHttpRequest.HEADERS_RECEIVED) request.responseType = request.status < 300 ? "json" : "document";
    };
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(new Refused(request.status, sentenceOf(request))));
    request.onerror = () => reject(new Error("network"));
    request.send(body);
  });
}

/** Fetches a page as a document, for taking parts out of it. Scripts in it do not run. */
export function fetchPage(url: string): Promise<Document> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => (request.status < 300 && request.responseXML !== null ? resolve(request.responseXML) : reject(new Refused(request.status, String(request.status))));
    request.onerror = () => reject(new Error("network"));
    request.send();
  });
}

function sentenceOf(request: XMLHttpRequest): string {
  const page = request.responseXML;
  const holder = page?.querySelector("[data-refusal]") ?? page?.querySelector("h1");
  return holder?.textContent?.trim() ?? String(request.status);
}
