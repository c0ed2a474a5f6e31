"""Trade words by HS code, written for this project; `hs_classifier.terms` reads them."""
