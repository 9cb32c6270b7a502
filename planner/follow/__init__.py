"""Two CTs of one patient: registered bone by bone and implant by implant, and what changed between them."""
