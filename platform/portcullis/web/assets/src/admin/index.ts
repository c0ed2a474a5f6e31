/** The administration and one's own account: questions before grave acts, and copying what is shown once. */
import { confirming } from "../common/confirming";
import { copying } from "../common/copying";

confirming();
copying();
