/** Posting a form without leaving the page. */

/** The server said no (or broke); the sentence is the server's own. */
export class Refused extends Error {
  constructor(readonly status: number, sentence: string) {
    super(sentence);
  }
}

/**
 * Posts fields as a form and gives the finished request. A refusal page is read for its sentence in the page's language:
 * XMLHttpRequest can do that without handing text to an HTML parser ourselves.
 */
export function postFields(url: string, fields: Record<string, string>): Promise<XMLHttpRequest> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.onreadystatechange = () => {
      if (request.readyState === XMLHttpRequest.HEADERS_RECEIVED && request.status >= 300) request.responseType = "document";
    };
    request.onload = () => (request.status < 300 ? resolve(request) : reject(new Refused(request.status, sentenceOf(request))));
    request.onerror = () => reject(new Error("network"));
    request.send(new URLSearchParams(fields));
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
  const language = document.documentElement.lang;
  const holder = page?.querySelector(`.refusal-sentence[lang="${CSS.escape(language)}"]`) ?? page?.querySelector(".refusal-sentence, h1");
  return holder?.textContent?.trim() ?? String(request.status);
}
